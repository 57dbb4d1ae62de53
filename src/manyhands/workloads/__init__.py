"""What is learnt: one file per workload. A file here with a named `Workload` subclass is a workload; no list is edited."""
