"""Backends `joblib` and `joblib-threads`."""
