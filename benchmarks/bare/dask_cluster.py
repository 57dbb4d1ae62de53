"""`python dask_cluster.py CELL RESULT`"""

import socket

from distributed import Client, LocalCluster
from loop import job, leave


def work(values: dict, rank: int, port: int) -> list:
    import torch.distributed as dist
    from loop import gather, train, with_ddp

    from manyhands.plan import RunSpec

    spec = RunSpec.from_dict(values)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=spec.workers)
    results = gather(train(spec, with_ddp))
    dist.destroy_process_group()
    return results


if __name__ == "__main__":
    spec, result = job()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with LocalCluster(n_workers=spec.workers, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        addresses = list(client.scheduler_info()["workers"])
        tasks = [client.submit(work, spec.to_dict(), rank, port, workers=[name]) for rank, name in enumerate(addresses)]
        leave(client.gather(tasks)[0], result)
