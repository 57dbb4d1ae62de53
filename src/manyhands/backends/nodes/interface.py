"""By which of its network interfaces this host reaches another one."""

from __future__ import annotations

import socket

import psutil

from manyhands.errors import EngineError
from manyhands.machine import host_name


def interface_towards(host: str) -> str:
    """The network interface of this machine through which `host` is reached: the one that gloo is to use.

    Left to itself gloo takes what this machine's name resolves to, which may be loopback, or listens on another network.
    """
    address = own_address_towards(host)
    if name := interface_of(address):
        return name
    raise EngineError(f"{host_name()} reaches {host} from {address}, which none of its network interfaces has")


def interface_of(address: str) -> str | None:
    """Name of the network interface that has the IP address; None when there is none."""
    for name, entries in psutil.net_if_addrs().items():
        if any(entry.address.partition("%")[0] == address for entry in entries):
            return name
    return None


def own_address_towards(host: str) -> str:
    """The address that this machine has on its way to `host`; nothing is sent."""
    family, kind, _, _, address = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(address)
        own: str = probe.getsockname()[0]
    return own
