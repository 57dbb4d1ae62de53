"""An example of a user's own package. Its workload is in `digits.py`."""
