"""Lines that a run asks to be shown during the run: it prints them behind a mark, and the parent finds them in its output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

MARK = "manyhands notice: "


class Notices:
    """Follows a growing file of output and shows each marked line once."""

    def __init__(self, log: Path, show: Callable[[str], None]) -> None:
        self._log, self._show = log, show
        self._offset = 0

    def look(self) -> None:
        """Shows the marked lines that were completed since the last call; engines may have put their own prefix before the mark."""
        try:
            with self._log.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
        except FileNotFoundError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            _, marked, notice = line.partition(MARK)
            if marked:
                self._show(notice)
