"""Data sets: readers of the real files, the embedded defaults, and how rows are shared out."""
