"""The scripts of a page: one copy of Vega and Vega-Lite, and ours that draws with them. Nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from types import TracebackType

from manyhands.atomic_write import write_file
from manyhands.errors import Unavailable
from manyhands.user_cache import user_cache

BUNDLE = "window.vegaEmbed = vegaEmbed;"
"""The only one of its exports that works in a browser: in vl-convert 1.9.0 `vega` and `vegaLite` are null."""
CODE = f"import sys, vl_convert; sys.stdout.buffer.write(vl_convert.javascript_bundle({BUNDLE!r}).encode())"


class Library:
    """The drawing library as one script, kept in the user's cache for each version of vl-convert.

    It is put together in a process of its own, as that takes seconds, beside the analysis.
    """

    def __enter__(self) -> Library:
        need("vl_convert", "jinja2")
        self._kept = user_cache() / "page" / f"{hashlib.sha256(CODE.encode()).hexdigest()[:12]}-{version('vl-convert-python')}.js"
        self._process = None if self._kept.is_file() else _joined()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process:
            if self._process.poll() is None:
                self._process.kill()
            self._process.communicate()

    def text(self) -> str:
        """The script; raises Unavailable when the installed vl-convert cannot make it."""
        return self._content().decode().replace("</script", "<\\/script")

    def _content(self) -> bytes:
        if not self._process:
            return self._kept.read_bytes()
        out, errors = self._process.communicate()
        if self._process.returncode or not out:
            last = (errors.decode(errors="replace").strip().splitlines() or ["no output"])[-1]
            raise Unavailable(f"vl-convert-python cannot bundle its scripts ({last}): pip install --upgrade 'manyhands[report]'")
        with suppress(OSError):  # a cache that cannot be written only costs time
            write_file(self._kept, [out])
        return out


def _joined() -> subprocess.Popen[bytes]:
    """The process that writes the script to its standard output."""
    return subprocess.Popen([sys.executable, "-P", "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def need(*modules: str) -> None:
    """Raises Unavailable, with what to install, when one of the modules is missing."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise Unavailable(f"this format needs {', '.join(missing)}: pip install 'manyhands[report]'")


def policy(scripts: Iterable[str]) -> str:
    """A content security policy: these scripts and no other, no connection to anywhere.

    No 'unsafe-eval': Vega interprets the expressions of a chart instead of turning them into functions.
    """
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
