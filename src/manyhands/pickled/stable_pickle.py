"""The pickle of a function or class by cloudpickle, with the same bytes in every session, so that its hash tells one code from another.

cloudpickle itself writes the path of a notebook cell, which has the number of the process, and draws a number for each class.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import ChainMap
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, ClassVar


def stable_pickle(value: Any) -> bytes:
    """The bytes; raises what the objects raise that the function uses and that cannot be pickled."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
        dispatch_table: ClassVar[Mapping[type[Any], Callable[[Any], Any]]] = ChainMap(
            {CodeType: _code_without_cell}, cloudpickle.Pickler.dispatch_table
        )

    written = io.BytesIO()
    Pickler(written).dump(value)
    return _with_stable_classes(written.getvalue())


def _code_without_cell(code: CodeType) -> Any:
    """The reduction of a code object; the path of a notebook cell, which is no file, is replaced."""
    import cloudpickle

    file = code.co_filename if os.path.exists(code.co_filename) else "<notebook>"
    return cloudpickle.Pickler.dispatch_table[CodeType](code.replace(co_filename=file))


def _with_stable_classes(data: bytes) -> bytes:
    """The pickle with numbers made from its content in place of those that cloudpickle has drawn.

    A process that loads two pickles takes classes of one number for one class, so only equal pickles have equal numbers.
    """
    from cloudpickle import cloudpickle

    drawn = sorted((one for one in map(str.encode, cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID) if one in data), key=data.index)
    places = [_digits(f"class {number}") for number in range(len(drawn))]
    for one, place in zip(drawn, places, strict=True):
        data = data.replace(one, place)
    content = hashlib.sha256(data).hexdigest()
    for place in places:
        data = data.replace(place, _digits(f"{content} {place.decode()}"))
    return data


def _digits(text: str) -> bytes:
    """32 hexadecimal digits, as many as the numbers of cloudpickle have."""
    return hashlib.sha256(text.encode()).hexdigest()[:32].encode()
