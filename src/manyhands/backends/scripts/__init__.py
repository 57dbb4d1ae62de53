"""A user's training script on any engine: one process for each worker, run as `python script.py` and measured."""
