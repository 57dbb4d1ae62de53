"""AWS credentials of a run: only processes that open a bucket get them, from a file that this user alone can read.

An engine starts processes that need no bucket (Java, a scheduler, a log agent). The environment would give the secrets to all of them,
and to every program that prints its environment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

SECRETS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    *("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"),
)
"""Variables that are secret, or worth nothing without a secret."""
PLACE = "MANYHANDS_CREDENTIALS"
"""Environment variable: the file with the credentials of a run."""


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program that opens no bucket."""
    return {name: value for name, value in environ.items() if name not in SECRETS}


def put_aside(environ: Mapping[str, str], folder: Path, needed: bool) -> dict[str, str]:
    """`environ` without the secrets; where they are `needed` it names a new file in `folder` that has them."""
    secrets = {name: environ[name] for name in SECRETS if name in environ}
    rest = without_secrets(environ)
    if not (secrets and needed):
        return rest
    file = folder / "credentials"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        json.dump(secrets, opened)
    return rest | {PLACE: str(file)}


def take_credentials() -> None:
    """Sets the variables that were put aside for this run; call it in a process that opens a bucket, before it does."""
    if file := os.environ.pop(PLACE, None):
        os.environ.update(json.loads(Path(file).read_text()))
