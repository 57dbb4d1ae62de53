"""Several machines that each run the same command: where they meet, and how a lost one is noticed."""
