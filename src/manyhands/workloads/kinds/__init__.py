"""The kinds of workload, one file each, with the methods that a workload of the kind offers to every engine."""
