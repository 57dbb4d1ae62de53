"""What is measured: phases inside a worker, resources of the process tree beside it, quality after it."""
