"""Speed over commits, for asv. Every module here is imported by it, so none does any work when it is."""
