"""Runs over several machines: every node runs the same command, joins one store, and notices when a worker is lost."""
