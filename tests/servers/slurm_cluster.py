"""A real SLURM on this machine: munged, slurmctld and two slurmd, n1 and n2, with everything they write in one folder."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_server

TOOLS = ("munged", "slurmctld", "slurmd", "srun", "sbatch", "scontrol")
CONFIGURATION = """\
ClusterName=manyhands
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName=n1 NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 State=UNKNOWN
NodeName=n2 NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
"""
START_S = 30


def missing() -> str | None:
    """Why no SLURM can be started here, in words; None when one can."""
    if absent := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"needs {absent[0]}: apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "needs root: slurmd starts the processes of jobs as their users"


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """The environment that SLURM's commands need to find it; all its processes are gone at the end."""
    with ExitStack() as sockets:
        ports = [sockets.enter_context(create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(3)]
    (folder / "state").mkdir()
    (folder / "slurm.conf").write_text(CONFIGURATION.format(folder=folder, ports=ports))
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    environ = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    own = [f"--{name}={folder}/munge.{name.partition('-')[0]}" for name in ("socket", "pid-file", "log-file", "seed-file")]
    daemons = [
        ["munged", "--foreground", "--force", f"--key-file={key}", *own],
        ["slurmctld", "-D"],
        *(["slurmd", "-D", "-N", node] for node in ("n1", "n2")),
    ]
    running: list[subprocess.Popen[bytes]] = []
    try:
        for daemon in daemons:
            with (folder / f"{daemon[0]}.out").open("ab") as out:
                running.append(subprocess.Popen(daemon, env=environ, stdout=out, stderr=out, stdin=subprocess.DEVNULL))
            if daemon[0] == "munged":
                _wait_for(lambda: (folder / "munge.socket").exists(), folder)
        _wait_for(lambda: _idle(environ) == 2, folder)
        yield environ
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            process.wait(START_S)


def _idle(environ: dict[str, str]) -> int:
    told = subprocess.run(
        ["sinfo", "--noheader", "--Node", "--format=%t"], env=environ, capture_output=True, text=True, check=False
    )
    return told.stdout.split().count("idle")


def _wait_for(holds: object, folder: Path) -> None:
    assert callable(holds)
    deadline = time.monotonic() + START_S
    while not holds():
        said = "\n".join(path.read_text() for path in folder.glob("*.out"))
        assert time.monotonic() < deadline, f"SLURM does not start: {said}"
        time.sleep(0.1)
