"""Settings of a Spark session that starts on this machine for one run: cores and GPUs of its slots."""

from __future__ import annotations

import os
from pathlib import Path

from manyhands.plan import RunSpec


def local_settings(spec: RunSpec, folder: Path) -> dict[str, str]:
    """Settings for the threads and the GPUs of each slot.

    GPUs are the first ones of this machine, or those that CUDA_VISIBLE_DEVICES names.
    """
    cpus = {"spark.task.cpus": str(spec.threads)}
    if spec.device == "cpu":
        return cpus
    # TorchDistributor sets CUDA_VISIBLE_DEVICES in each task; if it is set already, a task starts a process for each GPU in it.
    named = os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    addresses = named.split(",") if named else [str(number) for number in range(spec.workers)]
    script = folder / "gpus.sh"
    listed = ", ".join(f'"{address}"' for address in addresses[: spec.workers])
    script.write_text(f"""#!/bin/sh\necho '{{"name": "gpu", "addresses": [{listed}]}}'\n""")
    script.chmod(0o755)
    return cpus | {
        "spark.driver.resource.gpu.amount": str(spec.workers),
        "spark.driver.resource.gpu.discoveryScript": str(script),
    }
