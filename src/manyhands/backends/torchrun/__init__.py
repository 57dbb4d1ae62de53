"""Backend `ddp`: torchrun and DistributedDataParallel."""
