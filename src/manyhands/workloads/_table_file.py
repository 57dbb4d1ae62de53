"""The settings of a workload that reads a text table: which file it is, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass

from manyhands.data.table_settings import TableSettings


@dataclass(frozen=True)
class TableFile:
    """A table in the data folder, or anywhere. An empty setting leaves the choice to the name of the file and its first rows."""

    file: str = ""
    """Name of a table in the data folder, or its path."""
    separator: str = ""
    """One sign between columns, or `tab` or `space`."""
    decimal: str = ""
    """The decimal sign of numbers."""
    encoding: str = ""
    """Such as latin-1 or utf-16."""
    header: str = ""
    """`none`: the first line is data, and columns are called 1, 2, ...; `names`: it has the names."""
    row_numbers: bool = False
    """True keeps columns that only number the rows."""

    @property
    def written(self) -> TableSettings:
        """The form of the file, as far as it is given; raises UsageError for a value that no table can have."""
        return TableSettings(self.separator, self.decimal, self.encoding, self.header, self.row_numbers)
