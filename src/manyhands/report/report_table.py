"""One table of a report: a title, columns, and a note on how to read it. Terminal, Markdown and page render the same object."""

from __future__ import annotations

from dataclasses import dataclass, replace

from manyhands.report.columns import Column


@dataclass(frozen=True)
class ReportTable:
    """A table whose `identity` columns name the row; the other columns come in sections that a narrow terminal splits."""

    title: str
    identity: tuple[Column, ...]
    sections: tuple[tuple[Column, ...], ...] = ()
    note: str = ""

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, from left to right."""
        return (*self.identity, *(column for section in self.sections for column in section))

    @property
    def parts(self) -> tuple[ReportTable, ...]:
        """A table for each section, for media that show them below each other."""
        return tuple(replace(self, sections=(section,)) for section in self.sections)

    @property
    def heads(self) -> tuple[str, ...]:
        """The heading of each column, in one line."""
        return tuple(column.title for column in self.columns)

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The texts, row by row."""
        return tuple(zip(*(column.texts for column in self.columns), strict=True))

    @property
    def is_number(self) -> tuple[bool, ...]:
        """For each column, True when it holds numbers, which are aligned to the right."""
        return tuple(column.is_number for column in self.columns)
