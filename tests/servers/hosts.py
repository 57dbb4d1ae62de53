"""Hosts of a small network on this machine: network namespaces joined by a bridge, each with an address, a name and a link.

A command on a host runs in its network and under its name, so engines take the hosts for different machines. They share
files, memory and cores. What a link carries is limited by `tc`'s token bucket.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

NETWORK = "10.77.0"
GONE_S = 20


def missing() -> str | None:
    """Why no network can be made here, in words; None when it can."""
    if shutil.which("ip") is None or shutil.which("tc") is None:
        return "needs iproute2: apt-get install iproute2"
    name = f"probe{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"needs the right to make network namespaces (run as root): {made.stderr.strip()}"
    ip("netns", "delete", name)
    return None


def ip(*words: str) -> None:
    """Runs `ip`; raises CalledProcessError when it fails."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@dataclass
class Host:
    """One of the hosts."""

    name: str
    address: str
    namespace: str
    switch: str
    """Namespace of the bridge."""
    started: list[subprocess.Popen[Any]] = field(default_factory=list)

    def command(self, words: Sequence[str], hidden: Path | None = None) -> list[str]:
        """What runs `words` on this host; `hidden`: a folder that it finds empty there."""
        hide = f"mount -t tmpfs none '{hidden}' && " if hidden else ""
        own = ["unshare", "--uts", *(["--mount"] if hidden else []), "sh", "-c", f'{hide}hostname {self.name} && exec "$@"', "sh"]
        return ["ip", "netns", "exec", self.namespace, *own, *words]

    def start(
        self, words: Sequence[str], log: Path, environ: Mapping[str, str] | None = None, hidden: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts a command that is ended with the host; what it prints goes to `log`."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(words, hidden),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environ or {})},
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def processes(self) -> list[psutil.Process]:
        """All that run in its network now."""
        found = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, text=True, check=True)
        processes = []
        for pid in found.stdout.split():
            try:
                processes.append(psutil.Process(int(pid)))
            except psutil.NoSuchProcess:
                continue
        return [process for process in processes if process.status() != psutil.STATUS_ZOMBIE]

    def cut_off(self) -> None:
        """Pulls the cable: from now on nothing of this host reaches another one, not even that a connection has ended."""
        ip("-n", self.namespace, "link", "set", "eth0", "down")

    def go_away(self) -> None:
        """As when its power fails: the cable first, so that no other host is told, then every process."""
        self.cut_off()
        self.end()

    def end(self) -> None:
        """Kills every process on it."""
        while left := self.processes():
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(left, timeout=1)
        for child in self.started:
            child.wait(GONE_S)

    def limit(self, rate: str) -> None:
        """Lets its link carry so much, as `tc` writes it (`100mbit`), in both directions."""
        bits = int(rate.removesuffix("gbit")) * 10**9 if rate.endswith("gbit") else int(rate.removesuffix("mbit")) * 10**6
        burst = max(16_000, bits // 8 // 4_000)  # 0.25 ms of it: enough for the kernel's timers, and little passes unlimited
        for namespace, link in ((self.namespace, "eth0"), (self.switch, self.name)):
            words = ["tc", "-n", namespace, "qdisc", "replace", "dev", link, "root", "tbf"]
            subprocess.run([*words, "rate", rate, "burst", str(burst), "latency", "50ms"], check=True, capture_output=True)


@contextmanager
def network(*names: str) -> Iterator[list[Host]]:
    """Hosts with these names, addresses `NETWORK`.1 and on; with all that runs on them gone at the end."""
    prefix = f"mh{os.getpid()}"
    switch = f"{prefix}-switch"
    with ExitStack() as stack:
        ip("netns", "add", switch)
        stack.callback(ip, "netns", "delete", switch)
        ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", switch, "link", "set", "bridge", "up")
        hosts = []
        for number, name in enumerate(names, start=1):
            host = Host(name, f"{NETWORK}.{number}", f"{prefix}-{name}", switch)
            stack.enter_context(_added(host, names))
            hosts.append(host)
        yield hosts


@contextmanager
def _added(host: Host, names: Sequence[str]) -> Iterator[None]:
    ip("netns", "add", host.namespace)
    etc = Path("/etc/netns", host.namespace)  # `ip netns exec` shows what is in it as /etc
    etc.mkdir(parents=True)
    entries = [f"{NETWORK}.{number} {name}" for number, name in enumerate(names, start=1)]
    (etc / "hosts").write_text("\n".join(["127.0.0.1 localhost", *entries, ""]))
    try:
        ip("-n", host.switch, "link", "add", host.name, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
        ip("-n", host.switch, "link", "set", host.name, "master", "bridge", "up")
        ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            ip("-n", host.namespace, "link", "set", link, "up")
        yield
    finally:
        host.end()
        ip("netns", "delete", host.namespace)
        shutil.rmtree(etc)
