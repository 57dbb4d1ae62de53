"""Settings of glibc's allocator for a run: the same for every engine, because they matter more than most engines do.

By default it gives freed memory back to the system at moments that depend on the layout of the heap, and the next step
faults it in again. Two epochs of `lstm` on `serial` spent 0.84 s in the system that way and 0.11 s with these settings, and
`train` took 0.81 x the time (4 interleaved pairs on a machine with other work); a Dask nanny even asks for more trimming.
"""

ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**30)}
"""Environment variables: keep up to 1 GiB of freed memory, and take blocks up to that size from the heap."""
