"""Speed over many commits: one series for every benchmark, and where it changes."""
