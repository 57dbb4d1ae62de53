"""The layout of a run's memory, which is the same on every engine, so that engine and user cannot differ in it.

`huge-pages`: glibc's allocator asks the kernel for pages of 2 MiB, so that the processor looks up fewer of them. `fixed-addresses`:
the kernel puts libraries, heap and stack of every process at the same addresses (no randomisation). `steady` is both, `system` neither.
Sources: glibc manual, "Memory Allocation Tunables"; Linux, admin-guide/mm/transhuge and personality(2).
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HUGE_PAGES, FIXED_ADDRESSES = ("steady", "huge-pages"), ("steady", "fixed-addresses")
"""The layouts that ask for each setting."""
TUNABLE = "glibc.malloc.hugetlb=1"
"""Makes malloc call madvise(MADV_HUGEPAGE) on its memory. Since glibc 2.35."""
ADDR_NO_RANDOMIZE = 0x0040000
QUERY = 0xFFFFFFFF
"""Argument of personality(2) that changes nothing and returns the current value."""
ENABLED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
OTHER_ALLOCATORS = ("jemalloc", "tcmalloc", "mimalloc")


def variables(layout: str) -> dict[str, str]:
    """The environment of a new process with this layout."""
    return {"GLIBC_TUNABLES": TUNABLE} if layout in HUGE_PAGES else {}


@contextmanager
def addresses_of(layout: str) -> Iterator[None]:
    """A process started inside, and all that it starts, has the addresses of this layout, where the system lets it."""
    before = _personality(QUERY)
    if before < 0:
        yield
        return
    fixed = before | ADDR_NO_RANDOMIZE if layout in FIXED_ADDRESSES else before & ~ADDR_NO_RANDOMIZE
    _personality(fixed)
    try:
        yield
    finally:
        _personality(before)


def read_layout() -> dict[str, bool | None]:
    """The settings that this process really has; None where that cannot be read."""
    own = _personality(QUERY)
    return {
        "huge_pages": None if huge_pages_missing() else _asked_for(),
        "fixed_addresses": None if own < 0 else bool(own & ADDR_NO_RANDOMIZE),
    }


def huge_pages_missing() -> str | None:
    """The reason why malloc in this process cannot ask for huge pages; None when it can."""
    library, version = platform.libc_ver()
    if library != "glibc" or tuple(map(int, version.split(".")[:2])) < (2, 35):
        return f"the C library is {library or 'not glibc'} {version}, and only glibc from 2.35 on asks for huge pages"
    try:
        modes = ENABLED.read_text()
    except OSError:
        return f"the kernel has no {ENABLED}"
    if "[never]" in modes:
        return f"{ENABLED} is set to never; 'madvise' there allows huge pages"
    try:
        mapped = Path("/proc/self/maps").read_text()
    except OSError:
        return None
    other = next((name for name in OTHER_ALLOCATORS if f"lib{name}" in mapped), None)
    return f"the allocator is {other} in place of glibc's" if other else None


def addresses_refused() -> str | None:
    """The reason why processes cannot have fixed addresses here; None when they can."""
    before = _personality(QUERY)
    if before >= 0 and _personality(before | ADDR_NO_RANDOMIZE) >= 0:
        fixed = _personality(QUERY) & ADDR_NO_RANDOMIZE
        _personality(before)
        if fixed:
            return None
    return "the system does not let a process set its personality(2), so addresses stay random"


def _asked_for() -> bool | None:
    """True when this process was started with the tunable; glibc reads it once, at the start."""
    try:
        environment = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    tunables = next((own.partition(b"=")[2] for own in environment if own.startswith(b"GLIBC_TUNABLES=")), b"")
    return TUNABLE.encode() in tunables.split(b":")


def _personality(value: int) -> int:
    """personality(2): the value before this call; -1 when the system has no such call or refuses it."""
    try:
        call = ctypes.CDLL(None, use_errno=True).personality
    except (AttributeError, OSError):
        return -1
    call.argtypes, call.restype = [ctypes.c_ulong], ctypes.c_int
    return int(call(value))
