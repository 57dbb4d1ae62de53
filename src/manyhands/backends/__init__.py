"""Who spreads the work: one file per backend. A file here with a named `Backend` subclass is a backend; no list is edited."""
