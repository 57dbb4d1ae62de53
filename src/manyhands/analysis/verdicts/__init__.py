"""Pairs of launches -> a verdict (slower, faster, same or undecided), and the error rates of such verdicts."""
