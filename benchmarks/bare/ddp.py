"""`torchrun --standalone --nproc-per-node 2 ddp.py CELL RESULT`"""

import torch.distributed as dist
from loop import gather, job, leave, train, with_ddp

spec, result = job()
dist.init_process_group("gloo")
leave(gather(train(spec, with_ddp)), result)
dist.destroy_process_group()
