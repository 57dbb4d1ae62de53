"""The mix-in for asv (airspeed velocity): a class of your own suite measures the training of one workload.

    from manyhands.asv import Cells

    class Cnn(Cells):
        workload = "cnn"
        backend = ["serial", "ddp"]
        workers = [1, 2]
        samples = 2048

asv imports a suite beside the manyhands of other commits too: the path of this module and the name `Cells` stay.
"""

from manyhands.asv.cells import Cells
from manyhands.asv.errors import SuiteError
from manyhands.asv.settings import LAUNCHES

__all__ = ["LAUNCHES", "Cells", "SuiteError"]
