"""One file per workload. A file with a `Workload` subclass that has a `name` is found by itself; no list is edited."""
