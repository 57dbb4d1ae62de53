"""Measurements: phases and usage inside a worker, and the resources of the whole process tree beside the run."""
