"""`python spark.py CELL RESULT`"""

from loop import job, leave
from pyspark.ml.torch.distributor import TorchDistributor
from pyspark.sql import SparkSession


def work(values: dict) -> list:
    import torch.distributed as dist
    from loop import gather, train, with_ddp

    from manyhands.plan import RunSpec

    dist.init_process_group("gloo")
    results = gather(train(RunSpec.from_dict(values), with_ddp))
    dist.destroy_process_group()
    return results


spec, result = job()
session = SparkSession.builder.master(f"local[{spec.workers}]").config("spark.ui.enabled", "false").getOrCreate()
leave(TorchDistributor(num_processes=spec.workers, local_mode=False, use_gpu=False).run(work, spec.to_dict()), result)
session.stop()
