"""`python estimators_joblib.py CELL RESULT`"""

import joblib
from estimators import Cell

cell = Cell.asked()

with joblib.parallel_config("loky", inner_max_num_threads=cell.spec.threads):
    cell.timed_tasks()
