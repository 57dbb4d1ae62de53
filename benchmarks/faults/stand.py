"""The place of a campaign: temporary folder, shared memory, network and bucket of its own, and a look at what is left in them.

As root, or where users may make namespaces, the campaign runs in a mount and a network namespace. Elsewhere it has a folder of its own
alone; then the disk cannot be filled, and no interface taken down.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ISOLATED = "MANYHANDS_FAULTS_ISOLATED"
SHARED_MEMORY = Path("/dev/shm")
DISK_BYTES = 600 * 2**20
"""Size of the disk of the temporary folder: room for every engine."""
STORE = (
    "import logging, sys; logging.getLogger('werkzeug').setLevel(50); from moto.server import ThreadedMotoServer as Server;"
    " server = Server('127.0.0.1', int(sys.argv[1]), verbose=False); server.start(); print(server.get_host_and_port()[1], flush=True);"
    " sys.stdin.read()"
)
BUCKET = "faults"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAFAULTSONLY000000", "AWS_SECRET_ACCESS_KEY": "OnlyForTheCampaignOfFaults"}


def isolated_command(words: Sequence[str]) -> list[str]:
    """The command that runs `words` in namespaces of their own; `words` alone where the system does not allow them."""
    for own in (["unshare", "--mount", "--net"], ["unshare", "--user", "--map-root-user", "--mount", "--net"]):
        if shutil.which("unshare") and subprocess.run([*own, "true"], capture_output=True, check=False).returncode == 0:
            return [*own, "env", f"{ISOLATED}=1", *words]
    return list(words)


def is_isolated() -> bool:
    """True in a process that `isolated_command` has started."""
    return ISOLATED in os.environ


@dataclass
class Stand:
    """Where one backend is struck."""

    folder: Path
    isolated: bool
    store: subprocess.Popen[str] | None = None
    port: int = 0
    before: frozenset[str] = field(default_factory=frozenset)

    @property
    def temporary(self) -> Path:
        """TMPDIR of the runs."""
        return self.folder / "tmp"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of `manyhands run`."""
        own = {"TMPDIR": str(self.temporary), "MANYHANDS_LOCK": str(self.folder / "lock"), "AWS_MAX_ATTEMPTS": "2"}
        return os.environ | own | CREDENTIALS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}

    def start_store(self) -> None:
        """Starts the server of the bucket on its port, with the digits in it; the port is chosen at the first start."""
        words = [sys.executable, "-P", "-c", STORE, str(self.port)]
        self.store = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.store.stdout is not None
        self.port = int(self.store.stdout.readline())
        if not (digits := self.folder / "made" / "mnist").exists():
            make = [sys.executable, "-m", "manyhands", "data", "make", "mnist", "--to", str(digits.parent)]
            subprocess.run(make, check=True, capture_output=True)
        put = [sys.executable, "-m", "manyhands", "data", "put", str(digits), f"s3://{BUCKET}/mnist"]
        subprocess.run(put, env=self.environment, check=True, capture_output=True)

    def kill_store(self) -> None:
        """Ends the server at once."""
        if self.store is not None:
            self.store.kill()
            self.store.communicate()

    def fill_disk(self) -> None:
        """Leaves no byte on the disk of the temporary folder."""
        size = DISK_BYTES
        with (self.temporary / "filler").open("wb") as filler:
            while size >= 4096:  # as much at once as there is room for, then the rest
                try:
                    os.posix_fallocate(filler.fileno(), os.fstat(filler.fileno()).st_size, size)
                except OSError:
                    size //= 2

    def mend(self) -> None:
        """Makes room on the disk, takes the network up, starts a store that was killed."""
        (self.temporary / "filler").unlink(missing_ok=True)
        if self.isolated:
            set_loopback("up")
        if self.store is not None and self.store.poll() is not None:
            self.start_store()

    def remove_run_folders(self) -> None:
        """Removes the folders of the run that is on, as a program that cleans up would."""
        for folder in self.temporary.glob("manyhands-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def left(self, but: Sequence[psutil.Process] = ()) -> list[str]:
        """All that runs and files have left behind, `but` the runs that are on: processes, files, and in a network of its own ports.

        Orphans are children of this process, because it adopts them.
        """
        known = {process.pid for parent in but for process in (parent, *descendants(parent))}
        known |= {self.store.pid} if self.store is not None else set()
        processes = [each for each in descendants(psutil.Process()) if each.pid not in known]
        files = {f"file {path}" for path in self.temporary.iterdir() if path.name != "filler"}
        shared = self.files() - self.before
        ports = {f"port {found.laddr.port}" for found in listening() if found.laddr.port != self.port} if self.isolated else set()
        return sorted([*(f"process {line_of(each)}" for each in processes), *files, *shared, *ports])

    def files(self) -> frozenset[str]:
        """What lies in shared memory; of other programs too where the campaign has none of its own."""
        return frozenset(f"file {path}" for path in SHARED_MEMORY.iterdir()) if self.isolated else frozenset()


@contextmanager
def open_stand(folder: Path) -> Iterator[Stand]:
    """The place for one backend; a server of the bucket that was started ends with the block."""
    stand = Stand(folder, is_isolated())
    stand.temporary.mkdir(parents=True)
    if stand.isolated:
        set_loopback("up")
        mount(stand.temporary, DISK_BYTES)
        mount(SHARED_MEMORY, 2 * 2**30)
    stand.before = stand.files()
    try:
        yield stand
    finally:
        stand.kill_store()
        if stand.isolated:
            subprocess.run(["umount", "--lazy", str(stand.temporary), str(SHARED_MEMORY)], check=False)


def mount(folder: Path, size: int) -> None:
    """A file system in memory of `size` bytes at `folder`."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], check=True)


def set_loopback(state: str) -> None:
    """Takes the loopback interface of this network namespace `up` or `down`."""
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


def descendants(process: psutil.Process) -> list[psutil.Process]:
    """All living processes below one."""
    try:
        return [each for each in process.children(recursive=True) if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    except psutil.Error:
        return []


def listening() -> list[psutil._common.sconn]:
    """The sockets that listen in this network."""
    return [found for found in psutil.net_connections("tcp") if found.status == psutil.CONN_LISTEN]


def line_of(process: psutil.Process) -> str:
    """The start of a process's command line."""
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:100] or process.name()}"
    except psutil.Error:
        return str(process.pid)


def wait_until_nothing_is_left(stand: Stand, within_s: float) -> tuple[list[str], float]:
    """What is left after at most so many seconds, and the seconds until nothing was."""
    began = time.monotonic()
    while (left := stand.left()) and time.monotonic() - began < within_s:
        time.sleep(0.05)
    return left, time.monotonic() - began
