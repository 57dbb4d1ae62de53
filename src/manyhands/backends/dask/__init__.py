"""Backend `dask`: distributed, dask-ml and xgboost.dask."""
