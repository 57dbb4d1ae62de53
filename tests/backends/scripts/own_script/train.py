"""A script as torchrun starts it, with marks, a module beside it and an argument: learns a line, its rows shared by the workers."""

from __future__ import annotations

import argparse
import os

import torch
import torch.distributed as dist
from line import model, rows
from torch.nn.parallel import DistributedDataParallel

from manyhands import marks

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
given = parser.parse_args()
rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
local = [int(os.environ.get(name, default)) for name, default in (("LOCAL_RANK", "0"), ("LOCAL_WORLD_SIZE", "1"))]
assert local in ([rank, world_size], [0, 1]), "on Spark every worker is a node of its own"
if world_size > 1:
    dist.init_process_group("gloo")
net = model()
if world_size > 1:
    net = DistributedDataParallel(net)
optimizer = torch.optim.SGD(net.parameters(), lr=given.lr)
x, y = rows(64)
for _ in range(2):
    for x_part, y_part in marks.steps(list(zip(x.split(8), y.split(8), strict=True))):
        loss = (net(x_part[rank::world_size]) - y_part[rank::world_size]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    marks.epoch(loss=loss)
with torch.no_grad():
    marks.metric(mse=(net(x) - y).square().mean())
if world_size > 1:
    dist.destroy_process_group()
