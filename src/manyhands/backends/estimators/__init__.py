"""Shared by backends that train estimators: rows, tasks, proof of the rows, quality, and the result."""
