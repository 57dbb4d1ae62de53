"""Finds the network interface through which this host reaches another one."""

from __future__ import annotations

import socket

import psutil

from manyhands.errors import EngineError
from manyhands.machine import host_name


def interface_towards(host: str) -> str:
    """The network interface of this machine through which it reaches `host`; gloo must use this one.

    By default gloo uses the address that this machine's name resolves to, which may be loopback or belong to another network.
    Raises EngineError when no interface has the address.
    """
    address = own_address_towards(host)
    if name := interface_of(address):
        return name
    raise EngineError(f"{host_name()} reaches {host} from {address}, but none of its network interfaces has that address")


def interface_of(address: str) -> str | None:
    """Name of the network interface that has the IP address; None when no interface has it."""
    for name, entries in psutil.net_if_addrs().items():
        if any(entry.address.partition("%")[0] == address for entry in entries):
            return name
    return None


def own_address_towards(host: str) -> str:
    """The address from which this machine would send packets to `host`; it sends none. Raises OSError without a route."""
    family, kind, _, _, address = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(address)
        own: str = probe.getsockname()[0]
    return own
