"""The statistics behind every speed-up: launches of several cells -> levels, their errors, and the cells that may be fastest."""
