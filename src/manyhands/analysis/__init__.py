"""Records -> means, intervals, scaling and laws. It reads records only, so it needs no training library."""
