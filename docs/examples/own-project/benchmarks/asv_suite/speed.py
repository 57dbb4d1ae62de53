from manyhands.asv import Cells


class Digits(Cells):
    workload = "digits"
    backend = ("serial", "joblib")
    workers = (1, 2)
