"""What backends share that train estimators: rows, tasks, proof of the rows, and the result."""
