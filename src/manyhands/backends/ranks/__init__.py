"""Shared by backends whose workers form torch's process group: the epoch loop and everything around it."""
