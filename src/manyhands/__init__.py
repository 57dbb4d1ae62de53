"""manyhands: how much faster does training get with more workers, on which engine, and at what cost?

Importing this package imports no training library; each engine is loaded only when its backend is chosen.
"""

from importlib.metadata import version

__version__ = version("manyhands")
