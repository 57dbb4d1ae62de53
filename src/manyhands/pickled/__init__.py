"""Functions and classes of a notebook or of a running script, in files from which workers load them."""
