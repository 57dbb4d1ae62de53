"""How speed-up falls with the network between two hosts, and how close `manyhands predict` comes: `docs/results/network.md`.

    python benchmarks/network_links.py measure     # as root, on a quiet machine: about ten minutes
    python benchmarks/network_links.py page        # from the records

The hosts are network namespaces of this machine (`tests/servers/hosts.py`), one worker on each, and `tc` limits their links.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "servers"))

from hosts import Host, network  # noqa: E402

from manyhands.analysis.cells import Group, group_records  # noqa: E402
from manyhands.analysis.network import parse_network  # noqa: E402
from manyhands.analysis.predict import Prediction, predict  # noqa: E402
from manyhands.analysis.predictable import Network, families, network_of  # noqa: E402
from manyhands.analysis.summary import Summary, summarise  # noqa: E402
from manyhands.record import Record, read_records  # noqa: E402

RESULTS = ROOT / "docs" / "results"
RECORDS, PAGE = RESULTS / "network", RESULTS / "network.md"
RATES = {"10gbit": "10Gbps,100us", "1gbit": "1Gbps,100us", "100mbit": "100Mbps,100us"}
"""What `tc` is told, and what `manyhands predict --network` is."""
MODELS = {"rnn": ("small", 8_192, 4), "mlp": ("large", 4_096, 2)}
"""Size in words, rows and epochs: seconds of training for each."""
REPEATS = 5
WORK = ["--batch-size", "256", "--repeats", str(REPEATS), "--timeout", "300"]
SIZES = ["--set", "largest=10000000", "--repeats", "1", "--timeout", "300"]
LEARNT = "## What was learnt"


def measure() -> None:
    """Base line and one worker on one host, then both hosts over every link; adds to no older records."""
    RECORDS.mkdir(parents=True, exist_ok=True)
    for old in RECORDS.glob("*.jsonl"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder, network("alpha", "beta") as (alpha, beta):
        log = Path(folder, "log")
        train([alpha], ["--backend", "serial,ddp", "--workers", "1"], RECORDS / "one-host.jsonl", log)
        for rate in RATES:
            for host in (alpha, beta):
                host.limit(rate)
            both, out = ["--backend", "ddp", "--workers", "2"], RECORDS / f"{rate}.jsonl"
            train([alpha, beta], both, out, log)
            run([alpha, beta], ["collective", *both, *SIZES], out, log)


def train(hosts: list[Host], cell: list[str], out: Path, log: Path) -> None:
    """Both models."""
    for model, (_, rows, epochs) in MODELS.items():
        run(hosts, [model, *cell, "--samples", str(rows), "--epochs", str(epochs), *WORK], out, log)


def run(hosts: list[Host], words: list[str], out: Path, log: Path) -> None:
    """`manyhands run` on one host, or the same on two."""
    together = ["--nodes", str(len(hosts)), "--address", f"{hosts[0].address}:29500"] if len(hosts) > 1 else []
    started = []
    for number, host in enumerate(hosts):
        own = ["--node-rank", str(number)] if number else []
        command = [sys.executable, "-m", "manyhands", "run", *words, *together, *own, "--out", str(out)]
        started.append(host.start(command, log))
    if any(process.wait() for process in started):
        raise SystemExit(log.read_text())
    print(f"{out.name}: {words[0]}")


def page() -> None:
    """Writes the tables; what stands under `LEARNT` is kept."""
    one_host = read_records(RECORDS / "one-host.jsonl")
    kept = PAGE.read_text().partition(LEARNT)[2] if PAGE.exists() else "\n\n- \n"
    machine = one_host[0].machine
    lines = [
        "# How much network two workers need",
        "",
        f"Two hosts on one machine ({machine['cpu_model']}, {machine['cores']} cores): network namespaces, one worker of one thread on each, and"
        " the link between them limited by `tc`'s token bucket. torchrun and gloo; the same global batch of 256 rows as with one"
        f" worker. {REPEATS} launches of each; [a, b] are 95 % intervals. Records: [network](network). Made by"
        " `benchmarks/network_links.py`.",
        "",
        "| model | link | train s | speed-up over serial | waits for the other | predicted: nominal link | predicted: measured link |",
        "|---|---|---|---|---|---|---|",
    ]
    for model, (size, _, _) in MODELS.items():
        for rate, nominal in RATES.items():
            lines.append(row(model, size, rate, nominal, one_host, read_records(RECORDS / f"{rate}.jsonl")))
    lines += [
        "",
        "Predicted is the speed-up that `manyhands predict one-host.jsonl --workers 2 --network ...` gives for a ring, from runs of"
        " one worker alone: for the link as `tc` was told (100 us of latency), and for the link as `collective` measured it on the"
        " same hosts. In brackets: by how much the predicted time of training misses the measured one.",
        "",
        "| link | collective: a step in which nothing is sent | collective: bytes through it |",
        "|---|---|---|",
        *links(one_host),
        "",
        LEARNT,
    ]
    PAGE.write_text("\n".join(lines) + kept)
    print(PAGE.read_text())


def links(one_host: list[Record]) -> Iterator[str]:
    """A line for every link, as `collective` measured it."""
    for rate in RATES:
        found = network_of(family_of(next(iter(MODELS)), one_host), read_records(RECORDS / f"{rate}.jsonl"))
        if found:
            alpha, beta = found.link.alpha, found.link.beta
            yield f"| {rate} | {1e6 * alpha.value:.0f} us | {8e-9 / beta.value:.3g} Gbit/s |"


def row(model: str, size: str, rate: str, nominal: str, one_host: list[Record], two_hosts: list[Record]) -> str:
    """One line of the table."""
    group = group_of(model, [*one_host, *two_hosts])
    found = next(summary for summary in summarise(group) if summary.cell.workers == 2)
    records = [record for record in found.cell.measured if record.ok]
    parameters = records[0].resolved["parameters"]
    bytes_moved = f"{parameters * 4 / 1e6:.3g} MB"
    measured_link = network_of(family_of(model, one_host), two_hosts)
    predictions = [
        words(forecast(model, one_host, Network(parse_network(nominal), "given")), found),
        words(forecast(model, one_host, measured_link), found) if measured_link else "not measured",
    ]
    ratio, waits = found.speedup, found.train_split.get("communicate")
    speedup = f"{ratio.value:.3g} [{ratio.low:.3g}, {ratio.high:.3g}]" if ratio and ratio.low and ratio.high else "not measured"
    return " | ".join(
        [
            f"| {model} ({size}: {parameters:,} parameters, {bytes_moved})",
            rate,
            f"{found.train.mean:.2f}",
            speedup,
            f"{100 * waits:.0f} %" if waits is not None else "not measured",
            *predictions,
            "",
        ]
    ).rstrip()


def group_of(model: str, records: list[Record]) -> Group:
    """The group of a model; there must be one alone."""
    (group,) = group_records(record for record in records if record.spec["workload"] == model)
    return group


def family_of(model: str, records: list[Record]) -> object:
    """The cells of ddp."""
    return next(family for family in families(records) if family.group.workload == model and family.backend == "ddp")


def forecast(model: str, one_host: list[Record], link: Network) -> Prediction:
    """What is predicted for two workers from runs of one."""
    found = predict(family_of(model, one_host), link, [2])  # type: ignore[arg-type]
    if not isinstance(found, Prediction):
        raise SystemExit(f"{model}: {found}")
    return found


def words(prediction: Prediction, found: Summary) -> str:
    """Predicted speed-up by the ring, and how far its time is off."""
    ring = next(one for one in prediction.forecasts if one.algorithm == "ring")
    missed = ring.train.value / found.train.mean - 1
    return f"{ring.speedup:.3g} ({100 * missed:+.0f} %)"


if __name__ == "__main__":
    commands = {"measure": measure, "page": page}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        raise SystemExit(__doc__)
    commands[sys.argv[1]]()
