"""`python ray_train.py CELL RESULT`"""

import ray
from loop import gather, job, leave, train
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer, prepare_model

spec, result = job()


def work(config: dict) -> None:
    leave(gather(train(spec, lambda model, optimizer: (prepare_model(model), optimizer))), result)


ray.init(address="local", num_cpus=spec.workers, include_dashboard=False)
TorchTrainer(
    work,
    train_loop_config={},
    scaling_config=ScalingConfig(num_workers=spec.workers),
    torch_config=TorchConfig(backend="gloo"),
    run_config=RunConfig(storage_path=str(result.parent / "ray")),
).fit()
ray.shutdown()
