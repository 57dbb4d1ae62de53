"""Backends `spark` and `spark-local`: TorchDistributor, MLlib, xgboost.spark and joblibspark."""
