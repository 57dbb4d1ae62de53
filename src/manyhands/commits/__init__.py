"""Two commits side by side: launches interleaved, judged as they come, with error rates that were measured."""
