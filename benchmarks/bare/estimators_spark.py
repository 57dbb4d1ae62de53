"""`python estimators_spark.py CELL RESULT`"""

import joblib
import numpy as np
import pandas as pd
from estimators import Cell
from joblibspark import register_spark
from pyspark.mllib.clustering import KMeans, KMeansModel
from pyspark.mllib.linalg import Vectors
from pyspark.sql import SparkSession
from xgboost.spark import SparkXGBClassifier

cell = Cell.asked()

session = SparkSession.builder.master(f"local[{cell.spec.workers}]").config("spark.ui.enabled", "false").getOrCreate()
context = session.sparkContext
if cell.spec.workload == "kmeans":
    x, start = cell.points()
    rows = context.parallelize([Vectors.dense(row) for row in x], cell.spec.workers).cache()
    rows.count()
    centres = KMeansModel([Vectors.dense(row) for row in start.centres])
    epsilon = float(np.sqrt(start.squared_movement / start.clusters))
    cell.timed(lambda: KMeans.train(rows, start.clusters, start.max_iterations, epsilon=epsilon, initialModel=centres))
elif cell.spec.workload == "xgboost":
    x, y, parameters = cell.table()
    names = [f"f{number}" for number in range(x.shape[1])]
    session.conf.set("spark.sql.execution.arrow.pyspark.enabled", "true")
    frame = (
        session.createDataFrame(pd.DataFrame(x, columns=names).assign(label=y.astype(int))).repartition(cell.spec.workers).cache()
    )
    frame.count()
    given = {name: value for name, value in parameters.items() if name not in ("nthread", "objective", "num_class")}

    def fit(rounds: int) -> None:
        SparkXGBClassifier(features_col=names, num_workers=cell.spec.workers, n_estimators=rounds, **given).fit(frame)

    cell.timed(lambda: fit(cell.workload.rounds))
else:
    register_spark()
    with joblib.parallel_config("spark", n_jobs=cell.spec.workers):
        cell.timed_tasks()
session.stop()
