"""`python estimators_ray.py CELL RESULT`"""

import joblib
import ray
from estimators import Cell
from ray.train import RunConfig, ScalingConfig, get_context
from ray.train.xgboost import XGBoostTrainer
from ray.util.joblib import register_ray

cell = Cell.asked()


def boost(config: dict) -> None:
    import xgboost

    x, y, parameters = cell.table()
    rank, size = get_context().get_world_rank(), get_context().get_world_size()
    low, high = rank * len(x) // size, (rank + 1) * len(x) // size

    def train() -> None:
        xgboost.train(parameters, xgboost.DMatrix(x[low:high], y[low:high], nthread=cell.spec.threads), cell.workload.rounds)

    if rank:
        train()
    else:
        cell.timed(train)


ray.init(address="local", num_cpus=cell.spec.workers, include_dashboard=False)
if cell.spec.workload == "xgboost":
    scaling, kept = ScalingConfig(num_workers=cell.spec.workers), RunConfig(storage_path=str(cell.result.parent / "ray"))
    XGBoostTrainer(boost, train_loop_config={}, scaling_config=scaling, run_config=kept).fit()
else:
    register_ray()
    with joblib.parallel_config("ray", n_jobs=cell.spec.workers):
        cell.timed_tasks()
ray.shutdown()
