"""The kinds of workload beside `network`: one file each, saying what a workload of that kind offers to every engine."""
