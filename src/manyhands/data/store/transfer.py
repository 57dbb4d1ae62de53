"""Whole files to and from a bucket, with checksums; a download writes a complete local file or none.

Every upload stores its sha256 as metadata. A download is compared with it, or with the MD5 that plain uploads have as ETag.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyhands.data.atomic_write import write_whole
from manyhands.data.store.base import Entry
from manyhands.data.store.bucket import BucketStore
from manyhands.data.store.failure import CUT, NO_OBJECT, StoreProblem
from manyhands.data.store.key_paths import safe_path
from manyhands.data.store.location import S3, locate
from manyhands.data.store.opening import require_reader
from manyhands.data.store.retries import RetryPolicy, Tell
from manyhands.data.store.s3_boto3 import problems
from manyhands.errors import DataError, UsageError

Moved = Callable[[int], None]
"""Called with the number of bytes just moved; the number is negative when a transfer starts again."""

METADATA = "sha256"
MD5 = re.compile(r'"?([0-9a-f]{32})"?')
BLOCK_BYTES = 1 << 20
PIECE_BYTES = 64 << 20
"""Larger files are uploaded in pieces of this size, four in parallel."""


@dataclass(frozen=True)
class Upload:
    """A file and its name below the store's location; an empty name means the location itself."""

    path: Path
    name: str


def open_bucket(text: str, retries: RetryPolicy, tell: Tell) -> BucketStore:
    """The bucket at `text` for whole files; raises UsageError when `text` is no bucket, Unavailable when boto3 is missing."""
    location = locate(text)
    if location.scheme != S3:
        raise UsageError(f"{location} is not a bucket; use s3://bucket/prefix")
    require_reader(location, "boto3")
    return BucketStore(location, "boto3", retries, tell)


def uploads(sources: Sequence[Path], place: str) -> list[Upload]:
    """The files to upload and their names: files of a folder keep their names below it; a single file gets the name `place`,
    unless that ends in /.

    Hidden files and links to folders are left out. Raises DataError when a source is missing or there is no file.
    """
    found = []
    exact = len(sources) == 1 and not place.endswith("/") and bool(locate(place).path)
    for source in sources:
        if source.is_file():
            found.append(Upload(source, "" if exact else source.name))
        elif source.is_dir():
            inside = sorted(path for path in source.rglob("*") if path.is_file())
            names = [(path, path.relative_to(source)) for path in inside]
            found += [
                Upload(path, name.as_posix()) for path, name in names if not any(part.startswith(".") for part in name.parts)
            ]
        else:
            raise DataError(f"no file or folder {source}; check the path")
    if not found:
        raise DataError(f"no files in {', '.join(map(str, sources))}; nothing was uploaded")
    return found


def put(store: BucketStore, upload: Upload, moved: Moved) -> str:
    """Uploads one file and returns its sha256; the bucket shows the complete object or none."""
    try:
        with upload.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {upload.path}: {error.strerror}; check the path") from None
    key = store.location.key(upload.name)

    def send() -> None:
        from boto3.s3.transfer import TransferConfig

        sent = _Sum(moved)
        try:
            with upload.path.open("rb") as file, problems():
                store.owner.raw.upload_fileobj(
                    file,
                    store.location.root,
                    key,
                    ExtraArgs={"Metadata": {METADATA: digest}},
                    Callback=sent,
                    Config=TransferConfig(multipart_threshold=PIECE_BYTES, multipart_chunksize=PIECE_BYTES, max_concurrency=4),
                )
            if store.owner.details(key)["ContentLength"] != upload.path.stat().st_size:
                raise StoreProblem(CUT)
        except BaseException:
            sent.take_back()
            raise

    store.retries.call(store.target(upload.name), send, store.tell)
    return digest


def objects(store: BucketStore) -> list[Entry]:
    """The object at the location itself, with an empty name, or all objects below it, including bookkeeping."""
    if store.location.path:
        found = store.retries.call(store.target(""), lambda: _details_or_none(store), store.tell)
        if found is not None:
            return [Entry("", found["ContentLength"])]
    return store.listing()


def targets(store: BucketStore, entries: Sequence[Entry], folder: Path) -> dict[Entry, Path]:
    """The local path of each object below `folder`; raises DataError when a path would lead outside. Nothing is fetched."""
    return {entry: safe_path(folder, entry.name or store.location.path.rpartition("/")[2]) for entry in entries}


def get(store: BucketStore, name: str, target: Path, moved: Moved) -> str:
    """Downloads one object and returns the kind of check that it passed: `sha256`, `md5` or `size`."""
    key = store.location.key(name)

    def receive() -> str:
        received = _Sum(moved)
        try:
            with problems():
                answer = store.owner.raw.get_object(Bucket=store.location.root, Key=key)
                checked, expected = _expected(answer)
                write_whole(target, _verified(answer, checked, expected, store.location.of(name), received))
        except BaseException:
            received.take_back()
            raise
        return checked

    return store.retries.call(store.target(name), receive, store.tell)


def _verified(answer: Mapping[str, Any], checked: str, expected: str, place: str, moved: Moved) -> Iterator[bytes]:
    """Passes on the blocks of an object; raises at the end when their size or checksum is not the store's."""
    size = 0
    digest = hashlib.new(checked, usedforsecurity=False) if checked != "size" else None
    with problems():  # here, because where blocks are written, some of boto3's errors look like errors of the disk
        for block in answer["Body"].iter_chunks(BLOCK_BYTES):
            size += len(block)
            if digest:
                digest.update(block)
            moved(len(block))
            yield block
    if size != answer["ContentLength"]:
        raise StoreProblem(CUT)
    if digest and digest.hexdigest() != expected:
        raise DataError(f"{place}: its {checked} is not {expected}, which it had when it was uploaded; upload it again")


def _expected(answer: Mapping[str, Any]) -> tuple[str, str]:
    """The kind of check that is possible for an object, and the expected value."""
    if sha256 := answer.get("Metadata", {}).get(METADATA):
        return "sha256", str(sha256)
    plain = MD5.fullmatch(str(answer.get("ETag", "")))
    return ("md5", plain[1]) if plain and not answer.get("SSEKMSKeyId") else ("size", str(answer["ContentLength"]))


def _details_or_none(store: BucketStore) -> Mapping[str, Any] | None:
    try:
        return store.owner.details(store.location.path)
    except StoreProblem as problem:
        if problem.kind == NO_OBJECT:
            return None
        raise


class _Sum:
    """Reports the number of moved bytes, and subtracts them again when a transfer has to restart."""

    def __init__(self, moved: Moved) -> None:
        self._moved, self._total = moved, 0

    def __call__(self, size: int) -> None:
        self._total += size
        self._moved(size)

    def take_back(self) -> None:
        """Subtracts all reported bytes, because the transfer starts again."""
        self._moved(-self._total)
        self._total = 0
