"""The places of the data and of the saved model, from what a user asks for."""

from __future__ import annotations

import os

from manyhands.data.folder import data_dir
from manyhands.data.store.location import FILE, is_remote, locate
from manyhands.errors import UsageError


def data_place(data: str | None) -> tuple[str | None, str | None]:
    """The folder of data and the remote address of data, at most one of them; neither means the embedded data.

    `data`: a folder or an address; None means the folder that MANYHANDS_DATA names. Raises UsageError when the address is invalid,
    DataError when the folder does not exist.
    """
    if data and is_remote(data):
        return None, str(locate(data))
    folder = data_dir(data)
    return str(folder.resolve()) if folder else None, None


def save_place(save: str | None) -> str | None:
    """Place of the saved model: an address or an absolute path; raises UsageError for a place that cannot hold a file."""
    if save is None:
        return None
    location = locate(save)
    if location.scheme == FILE:
        return os.path.realpath(os.path.expanduser(save))
    if location.scheme != "s3" or not location.path:
        raise UsageError(f"--save {location} cannot hold a model; use a path, or s3://bucket/key")
    return str(location)
