"""Pairs of launches -> slower, faster, same or undecided, and how often that is wrong."""
