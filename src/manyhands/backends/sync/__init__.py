"""Strategies by which the workers of a network agree on their weights (`--sync`): one file for each; `strategy.py` is their contract."""
