"""Backends `fabric-ddp` and `fabric-dp`: Lightning Fabric."""
