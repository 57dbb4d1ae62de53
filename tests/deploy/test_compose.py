"""`deploy/compose`: the file parses, its services fit together, and their commands have such options."""

from __future__ import annotations

import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from command_help import offered

from manyhands.cli import main, parser
from manyhands.errors import Unavailable
from manyhands.plugins import backend_class

yaml = pytest.importorskip("yaml", reason="needs PyYAML: pip install 'manyhands[test]'")

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"
FILE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
WORKERS = ("spark-worker", "dask-worker", "ray-worker")
README = (FOLDER / "README.md").read_text()


def command(name: str) -> list[str]:
    return list(SERVICES[name]["command"])


def examples() -> list[list[str]]:
    """The words of every `manyhands` command that the README has a client run."""
    told = re.findall(r"^\$ docker compose run --rm client (manyhands .+)$", README, re.MULTILINE)
    return [line.split() for line in told]


def test_every_engine_has_a_head_and_two_workers() -> None:
    assert {"store", "spark-master", "dask-scheduler", "ray-head", *WORKERS, "client"} == set(SERVICES)
    assert {SERVICES[name]["deploy"]["replicas"] for name in WORKERS} == {2}


def test_every_service_but_the_client_says_whether_it_is_well() -> None:
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (name != "client")
        if name in WORKERS:
            assert [need["condition"] for need in service["depends_on"].values()] == ["service_healthy"]


def test_ports_are_published_on_loopback_alone() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in published)


def test_workers_can_be_scaled() -> None:
    """Neither a name nor a port of the host may be taken by the first of them."""
    for name in WORKERS:
        assert not {"container_name", "ports", "hostname"} & set(SERVICES[name])


def test_credentials_are_variables_with_placeholders_that_stop_without_a_file() -> None:
    example = dict(line.split("=", 1) for line in (FOLDER / ".env.example").read_text().splitlines() if not line.startswith("#"))
    used = re.findall(r"\$\{(\w+)([^}]*)\}", (FOLDER / "compose.yaml").read_text())
    assert {name for name, _ in used} == set(example)
    assert all(otherwise.startswith(":?") for _, otherwise in used)
    assert all(value.startswith("put-") for value in example.values())
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert not re.search("KEY|TOKEN|PASSWORD|USER", name) or value.startswith("${")


def test_workers_and_client_reach_the_store() -> None:
    endpoint = SERVICES["client"]["environment"]["AWS_ENDPOINT_URL"]
    host, port = endpoint.removeprefix("http://").split(":")
    assert any(published.endswith(f":{port}") for published in SERVICES[host]["ports"])
    for name in WORKERS:
        assert SERVICES[name]["environment"].items() >= {"AWS_ENDPOINT_URL": endpoint}.items()
        assert {"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} < set(SERVICES[name]["environment"])


def test_everyone_in_the_ray_cluster_has_its_token() -> None:
    tokens = [SERVICES[name]["environment"]["RAY_AUTH_TOKEN"] for name in ("ray-head", "ray-worker", "client")]
    assert len(set(tokens)) == 1
    assert {SERVICES[name]["environment"]["RAY_AUTH_MODE"] for name in ("ray-head", "ray-worker", "client")} == {"token"}


def test_commands_of_ray_and_dask_have_such_options() -> None:
    if find_spec("ray") is None or find_spec("distributed") is None:
        pytest.skip("needs ray and distributed: pip install 'manyhands[ray,dask]'")
    for name in ("ray-head", "ray-worker", "dask-scheduler", "dask-worker"):
        for words in (command(name), SERVICES[name]["healthcheck"]["test"][1:]):
            if words[0] in ("ray", "dask"):
                module = "ray.scripts.scripts" if words[0] == "ray" else "dask"
                assert options(words) <= offered(sys.executable, "-m", module, words[1])


@pytest.mark.slow
def test_commands_of_spark_have_such_options() -> None:
    if find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("needs pyspark and Java 17: pip install 'manyhands[spark]'")
    for name in ("spark-master", "spark-worker"):
        assert options(command(name)) <= offered(str(Path(sys.executable).with_name(command(name)[0])), command(name)[1])


def options(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("--")}


def test_workers_join_the_head_of_their_engine() -> None:
    ray, ray_head = command("ray-worker"), command("ray-head")
    assert f"--address=ray-head:{option(ray_head, '--port')}" in ray
    assert command("dask-worker")[-1] == f"tcp://dask-scheduler:{option(command('dask-scheduler'), '--port')}"
    assert command("spark-worker")[-1] == f"spark://spark-master:{option(command('spark-master'), '--port')}"


def option(words: list[str], name: str) -> str:
    """The value of `name VALUE` or `name=VALUE`."""
    return next((word.partition("=")[2] for word in words if word.startswith(f"{name}=")), None) or words[words.index(name) + 1]


def test_the_head_of_ray_trains_nothing() -> None:
    assert option(command("ray-head"), "--num-cpus") == "0"


def test_every_command_of_the_readme_is_one_that_the_code_takes() -> None:
    assert {words[1] for words in examples()} == {"data", "run", "report"}
    for words in examples():
        assert parser().parse_args(words[1:]).call


@pytest.mark.parametrize("engine", ["ray", "dask", "spark"])
def test_the_readme_joins_each_engine_where_it_listens(engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    heads = {
        "ray": f"ray://ray-head:{option(command('ray-head'), '--ray-client-server-port')}",
        "dask": command("dask-worker")[-1],
        "spark": command("spark-worker")[-1],
    }
    (words,) = [words for words in examples() if words[1] == "run" and option(words, "--backend") == engine]
    assert option(words, "--address") == heads[engine]
    assert int(option(words, "--workers")) == SERVICES[f"{engine}-worker"]["deploy"]["replicas"]
    assert main([*words[1:], "--dry-run"]) == 0
    shown = capsys.readouterr().out
    left_out = [line for line in shown.splitlines() if "left out" in line]
    if reason := missing(engine):
        assert len(left_out) == 1
        assert reason in left_out[0] or find_spec("torch") is None  # the workload's own reason comes first
    else:
        assert left_out == []


def missing(engine: str) -> str | None:
    """The reason why the engine cannot run here; None when it can."""
    try:
        backend_class(engine).require()
    except Unavailable as error:
        return str(error)
    return None
