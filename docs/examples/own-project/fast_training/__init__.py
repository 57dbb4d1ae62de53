"""An example of a user's own package. Its training is in `digits.py`."""
