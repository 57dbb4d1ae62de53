"""`python estimators_serial.py CELL RESULT`"""

import numpy as np
import xgboost
from estimators import Cell
from sklearn.cluster import KMeans

cell = Cell.asked()

if cell.spec.workload == "kmeans":
    x, start = cell.points()
    model = KMeans(start.clusters, init=start.centres, n_init=1, max_iter=start.max_iterations, tol=start.tolerance)
    cell.timed(lambda: model.fit(x))
elif cell.spec.workload == "xgboost":
    x, y, parameters = cell.table()
    xgboost.train(parameters, xgboost.DMatrix(np.zeros((2, 1)), [0, 1]), 1)
    cell.timed(lambda: xgboost.train(parameters, xgboost.DMatrix(x, y, nthread=cell.spec.threads), cell.workload.rounds))
else:
    cell.timed_tasks()
