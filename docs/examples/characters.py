"""A transformer that learns to write text letter by letter, as people write such scripts: nothing in it knows of manyhands.

    python characters.py --steps 100
    torchrun --nproc-per-node 2 characters.py --steps 100
    manyhands run characters.py --backend serial,ddp,spark,ray,dask --workers 1,2 -- --steps 100

Every step accumulates the gradients of --accumulate batches, shared by the workers, so that all worker counts train the same way.
"""

import argparse
import gzip
import math
import os
import random
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

PARTS = ("the king", "my sister", "a fool", "sees", "will not fear", "sings to", "the sea", "no crown", "her shadow")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="train a transformer on the letters of a text")
    parser.add_argument("--text", type=Path, help="a text file, plain or .gz; without it, sentences made from a seed")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--accumulate", type=int, default=4, help="batches of a step, over all workers")
    parser.add_argument("--batch", type=int, default=8, help="rows of a batch")
    parser.add_argument("--context", type=int, default=32, help="letters of a row")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--float32", action="store_true", help="without autocast to bfloat16")
    return parser.parse_args()


def made_text(sentences: int = 3000) -> str:
    chance = random.Random(1)
    return "".join(f"{' '.join(chance.choice(PARTS[place::3]) for place in range(3))}.\n" for _ in range(sentences))


def read_text(path: Path | None) -> str:
    if path is None:
        return made_text()
    return gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()


class Block(nn.Module):
    """Attention to the letters before, then a small network for each letter."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_network = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.answer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.network = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, length, width = x.shape
        query, key, value = self.ask(self.before_attention(x)).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.answer(seen.transpose(1, 2).reshape(rows, length, width))
        return x + self.network(self.before_network(x))


class Writer(nn.Module):
    """Letters -> scores of the next letter at every place."""

    def __init__(self, letters: int, context: int, width: int, layers: int) -> None:
        super().__init__()
        self.letter, self.place = nn.Embedding(letters, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(layers)), nn.LayerNorm(width))
        self.scores = nn.Linear(width, letters, bias=False)
        self.scores.weight = self.letter.weight  # tied weights

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scores(self.blocks(self.letter(x) + self.place(torch.arange(x.shape[1]))))


def batch_of(data: torch.Tensor, given: argparse.Namespace, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and, for every letter of them, the next letter; the same ones for the same seed."""
    starts = torch.randint(len(data) - given.context, (given.batch,), generator=torch.Generator().manual_seed(seed))
    rows = torch.stack([data[start : start + given.context + 1] for start in starts])
    return rows[:, :-1], rows[:, 1:]


def rate_at(step: int, given: argparse.Namespace) -> float:
    """A learning rate that rises over the first tenth of the steps, then falls to a tenth along a cosine."""
    warm = max(1, given.steps // 10)
    if step < warm:
        return given.lr * (step + 1) / warm
    done = (step - warm) / max(1, given.steps - warm)
    return given.lr * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


def main() -> None:
    given, rank, world_size = options(), int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if world_size > 1:
        dist.init_process_group("gloo")
    text = read_text(given.text)
    letters = sorted(set(text))
    data = torch.tensor([letters.index(letter) for letter in text])
    train, held_out = data[: len(data) * 9 // 10], data[len(data) * 9 // 10 :]

    torch.manual_seed(0)
    model: nn.Module = Writer(len(letters), given.context, given.width, given.layers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=given.lr, weight_decay=0.1)
    if world_size > 1:
        model = DistributedDataParallel(model)
    low_precision = nullcontext() if given.float32 else torch.autocast("cpu", torch.bfloat16)

    for step in range(given.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, given)
        own = range(rank, given.accumulate, world_size)
        for number in own:
            x, y = batch_of(train, given, seed=step * given.accumulate + number)
            more_to_come = world_size > 1 and number != own[-1]
            with model.no_sync() if more_to_come else nullcontext(), low_precision:
                loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
                (loss * world_size / given.accumulate).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if rank == 0 and (step + 1) % 20 == 0:
            print(f"step {step + 1}: loss {loss.item():.6f}", flush=True)

    if rank == 0:
        model.eval()
        with torch.no_grad(), low_precision:
            x, y = batch_of(held_out, given, seed=-1)
            print(f"held-out loss {F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item():.6f}")
    if world_size > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
