from manyhands.asv import Cells


class Digits(Cells):
    workload = "fast_training/digits.py:build"
    backend = ("serial", "ddp")
    workers = (1, 2)
