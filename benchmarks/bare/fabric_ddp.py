"""`python fabric_ddp.py CELL RESULT`: Fabric runs it again for the other workers."""

import torch.distributed as dist
from lightning.fabric import Fabric
from loop import gather, job, leave, train

spec, result = job()
fabric = Fabric(accelerator="cpu", devices=spec.workers, strategy="ddp")
fabric.launch()
leave(gather(train(spec, fabric.setup, fabric.backward)), result)
dist.destroy_process_group()
