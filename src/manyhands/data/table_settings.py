"""The form of a text table as its user gives it: separator, decimal sign, encoding, header, and columns that number its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from manyhands.data.number_table import SPACES, Layout
from manyhands.errors import UsageError

SEPARATORS = {"tab": "\t", "\\t": "\t", "space": SPACES, "spaces": SPACES, "comma": ",", "semicolon": ";"}
"""Words for separators that are awkward to type in a shell -> what the reader splits at."""
HEADERS = ("", "names", "none")


@dataclass(frozen=True)
class TableSettings:
    """The settings of a table that a user gave; an empty text leaves the choice to the file's name and its first rows."""

    separator: str = ""
    """One sign, or a word of SEPARATORS."""
    decimal: str = ""
    """The sign between the whole part and the fraction of a number."""
    encoding: str = ""
    """A name that Python knows, such as latin-1."""
    header: str = ""
    """`names`: the first row has the names of the columns. `none`: it is data, and the columns are called 1, 2, ..."""
    row_numbers: bool = False
    """True keeps columns that only number the rows."""

    def __post_init__(self) -> None:
        """Raises UsageError for a value that no table can have."""
        for name in ("separator", "decimal"):
            value = getattr(self, name)
            if (
                value
                and value not in SEPARATORS
                and (len(value) != 1 or not value.isprintable() or value.isalnum() or value in "\"'")
            ):
                raise UsageError(f"--set {name}={value} is not one sign such as , or ;{_words(name)}")
        if self.decimal in SEPARATORS or self.decimal in ("-", "+"):
            raise UsageError(f"--set decimal={self.decimal} is not a sign such as , or .")
        if self.separator and SEPARATORS.get(self.separator, self.separator) == (self.decimal or "."):
            raise UsageError(f"--set separator={self.separator} is also the decimal sign; give another one with --set decimal=")
        if self.header not in HEADERS:
            raise UsageError(f"--set header={self.header} is neither names nor none")
        if self.encoding and not _is_text_encoding(self.encoding):
            raise UsageError(f"--set encoding={self.encoding} is no encoding of text; use for example utf-8, latin-1 or utf-16")

    def over(self, layout: Layout) -> Layout:
        """The layout with what the user gave."""
        return replace(
            layout,
            separator=SEPARATORS.get(self.separator, self.separator) or layout.separator,
            decimal=self.decimal or layout.decimal,
            encoding=self.encoding or layout.encoding,
        )


AS_FOUND = TableSettings()


def _words(name: str) -> str:
    return f", or one of {', '.join(SEPARATORS)}" if name == "separator" else ""


def _is_text_encoding(name: str) -> bool:
    """False for an encoding that does not exist, and for codecs of bytes such as base64."""
    try:
        return bool("1".encode(name))
    except (LookupError, ValueError):
        return False
