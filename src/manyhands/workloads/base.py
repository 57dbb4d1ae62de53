"""The names that a workload of your own imports: the base classes, and the arrays that a network is trained on.

The base classes of the other kinds are in `workloads/kinds/`.
"""

from __future__ import annotations

from manyhands.data.fetch_request import FetchRequest, Share
from manyhands.workloads.arrays import Arrays, Fetched
from manyhands.workloads.kinds.network import NetworkWorkload
from manyhands.workloads.workload import Workload

__all__ = ["Arrays", "FetchRequest", "Fetched", "NetworkWorkload", "Share", "Workload"]
