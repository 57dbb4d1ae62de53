"""Daily prices in a store: finds the CSV file by the rules for a local folder."""

from __future__ import annotations

from manyhands.data.stocks import FOLDERS, file_names
from manyhands.data.store.base import Store
from manyhands.data.store.multipart_files import StoredFile, find_files
from manyhands.errors import DataError


def stored_prices(store: Store, file: str | None = None) -> StoredFile:
    """The CSV file with prices at `store`, or the file named `file`; raises DataError when there is none."""
    names = [
        folder + name for folder in (*(f"{folder}/" for folder in FOLDERS), "") for name in ([file] if file else file_names())
    ]
    found = find_files(store, names)
    first = next((name for name in names if name in found), None)
    if first is None:
        wanted = file or "known file of prices"
        raise DataError(f"no {wanted} at {store.source}; 'manyhands data ls {store.location}' shows what there is")
    return found[first]
