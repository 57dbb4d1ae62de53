"""Time and peak memory of the readers: 60,000 images as raw and as gzip IDX, and stock windows. All embedded data."""

from __future__ import annotations

from pathlib import Path

IMAGES = 60_000


class Idx:
    """A raw file is mapped, not read; the decompressor alone is what `time_gzip` is held against."""

    timeout = 600

    def setup_cache(self) -> tuple[str, str]:
        import numpy as np

        from manyhands.data.idx import write_idx
        from manyhands.data.mnist import load_mnist

        raw, packed = Path("images-ubyte").resolve(), Path("images-ubyte.gz").resolve()
        images = np.resize(load_mnist(None).x_train, (IMAGES, 28, 28))
        for path in (raw, packed):
            write_idx(path, images)
        return str(raw), str(packed)

    def setup(self, paths: tuple[str, str]) -> None:
        from isal import igzip

        from manyhands.data.idx import read_idx

        self.read, self.inflate = read_idx, igzip.decompress
        self.raw, self.packed = map(Path, paths)

    def time_open_raw(self, paths: tuple[str, str]) -> None:
        self.read(self.raw)

    def peakmem_open_raw(self, paths: tuple[str, str]) -> None:
        self.read(self.raw)

    def time_gzip(self, paths: tuple[str, str]) -> None:
        self.read(self.packed)

    def peakmem_gzip(self, paths: tuple[str, str]) -> None:
        self.read(self.packed)

    def time_gzip_decompressor_alone(self, paths: tuple[str, str]) -> None:
        self.inflate(self.packed.read_bytes())


class Stocks:
    """CSV to scaled windows of 60 days."""

    timeout = 600

    def setup(self) -> None:
        from manyhands.data.stocks import load_windows

        load_windows(None)  # makes the prices when they are not cached yet
        self.load = load_windows

    def time_windows(self) -> None:
        self.load(None)

    def peakmem_windows(self) -> None:
        self.load(None)
