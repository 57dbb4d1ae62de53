"""Records -> means, intervals, scaling and laws. Needs no training library: it sees records only."""
