"""`deploy/kubernetes`: the files parse and agree with each other and with the code, and the Ray job's entry point trains."""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from command_help import offered
from engines import free_port

from manyhands.backends.ray.backend import WORKERS, RayTrain
from manyhands.cli import main, parser
from manyhands.data.store.settings import ENDPOINTS, REGIONS
from manyhands.errors import UsageError
from manyhands.measure.resources import end_descendants
from manyhands.parent import adopt_orphans
from manyhands.record import read_records
from manyhands.studies.study import CORRECTED, load_study

if TYPE_CHECKING:
    from object_store import Bucket

yaml = pytest.importorskip("yaml", reason="needs PyYAML: pip install 'manyhands[test]'")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
ENGINES = ("ray", "dask", "spark")
PLACES = ("data", *ENGINES)
STUDY = "mnist-ray-s3"
TOLD = re.findall(r"^\$ (?:kubectl exec .+ -- )?(manyhands .+)$", (FOLDER / "README.md").read_text(), re.MULTILINE)
"""The commands of manyhands in the README."""
Plan = Callable[..., list[argparse.Namespace]]


def documents(file: Path) -> list[dict[str, Any]]:
    """What is in the file; by way of JSON, so that two aliases of one anchor are two things, as they are for kustomize."""
    return [json.loads(json.dumps(document)) for document in yaml.safe_load_all(file.read_text())]


def field(found: Any, path: str) -> tuple[Any, Any]:
    """The holder of what kustomize calls `path`, and its name or index there; fails where the path leads nowhere."""
    *steps, last = [key(step) for step in re.findall(r"\[[^]]+\]|[^.]+", path)]
    for step in steps:
        found = found[step] if not isinstance(step, tuple) else next(entry for entry in found if entry[step[0]] == step[1])
    found[last]  # it must be there: kustomize makes nothing
    return found, last


def key(step: str) -> Any:
    if step.startswith("["):
        return tuple(step.strip("[]").split("="))
    return int(step) if step.isdecimal() else step


def built(name: str, workers: int | None = None) -> list[dict[str, Any]]:
    """What `kubectl apply -k` would apply, without its images; with `workers` put into the one place for them."""
    kustomization = yaml.safe_load((FOLDER / name / "kustomization.yaml").read_text())
    assert set(kustomization) <= {"apiVersion", "kind", "resources", "components", "replacements"}
    found = [document for file in kustomization["resources"] for document in documents(FOLDER / name / file)]
    for replacement in kustomization.get("replacements", ()):
        source = replacement["source"]
        (origin,) = [d for d in found if d["kind"] == source["kind"] and source.get("name") in (None, d["metadata"]["name"])]
        holder, last = field(origin, source["fieldPath"])
        if workers:
            holder[last] = workers
        for target in replacement["targets"]:
            (aim,) = [document for document in found if document["kind"] == target["select"]["kind"]]
            for path in target["fieldPaths"]:
                at, where = field(aim, path)
                at[where] = replaced(at[where], str(holder[last]), target.get("options", {}))
    return found


def replaced(before: str, value: str, options: dict[str, Any]) -> str:
    if not options:
        return value
    parts = before.split(options["delimiter"])
    parts[options["index"]] = value
    return str(options["delimiter"].join(parts))


def one(found: list[dict[str, Any]], kind: str, name: str = "") -> dict[str, Any]:
    (document,) = [each for each in found if each["kind"] == kind and name in each["metadata"]["name"]]
    return document


def pods(found: Any) -> Iterator[dict[str, Any]]:
    """Every pod that is described anywhere in it."""
    if isinstance(found, dict):
        if "containers" in found:
            yield found
        for value in found.values():
            yield from pods(value)
    elif isinstance(found, list):
        for value in found:
            yield from pods(value)


def containers(found: Any) -> list[dict[str, Any]]:
    return [each for pod in pods(found) for each in (*pod.get("initContainers", ()), *pod["containers"])]


def words(container: dict[str, Any]) -> list[str]:
    """The command with `$(NAME)` filled in from the container's own variables, as Kubernetes does."""
    values = {entry["name"]: entry["value"] for entry in container.get("env", ()) if "value" in entry}
    return [re.sub(r"\$\((\w+)\)", lambda name: values.get(name[1], name[0]), word) for word in container["command"]]


def workers_pod(engine: str, found: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    """How many pods of workers there are, and the container in each."""
    if engine == "ray":
        (group,) = one(found, "RayCluster")["spec"]["workerGroupSpecs"]
        return group["replicas"], group["template"]["spec"]["containers"][0]
    if engine == "dask":
        worker = one(found, "DaskCluster")["spec"]["worker"]
        return worker["replicas"], worker["spec"]["containers"][0]
    deployment = one(found, "Deployment", "worker")["spec"]
    return deployment["replicas"], deployment["template"]["spec"]["containers"][0]


def job(engine: str, found: list[dict[str, Any]]) -> tuple[list[str], dict[str, str]]:
    """The words of the command that trains, and the variables that the job gives it."""
    if engine == "ray":
        spec = one(found, "RayJob")["spec"]
        return shlex.split(spec["entrypoint"]), yaml.safe_load(spec["runtimeEnvYAML"])["env_vars"]
    (train,) = [each for each in containers(one(found, "Job")) if each["name"] == "train"]
    return words(train), {}


@pytest.fixture
def plan(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Engine and number of workers, None for that of the file -> the options of each run that the job would make.

    Skips the test where the engine is not installed.
    """

    def planned(engine: str, workers: int | None = None) -> list[argparse.Namespace]:
        command, variables = job(engine, built(engine, workers))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert command[0] == "manyhands"
        return dry_run(command[1:], capsys)

    monkeypatch.delenv(WORKERS, raising=False)
    return planned


def dry_run(command: list[str], capsys: pytest.CaptureFixture[str]) -> list[argparse.Namespace]:
    """The options of the runs that a command would make; skips the test where the engine is not installed."""
    assert main([*command, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    if found := re.search(r"left out: (.+(pip install|Java).+)", shown):
        pytest.skip(found[1])
    assert "left out" not in shown
    return [parser().parse_args(shlex.split(line)[1:]) for line in re.findall(r"manyhands run .+", shown)]


@pytest.mark.parametrize("name", PLACES)
def test_every_file_is_used_and_every_name_is_there_once(name: str) -> None:
    listed = yaml.safe_load((FOLDER / name / "kustomization.yaml").read_text())["resources"]
    assert {file.name for file in (FOLDER / name).iterdir()} == {*listed, "kustomization.yaml"}
    names = [(document["kind"], document["metadata"]["name"]) for document in built(name)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("workers", [None, 2])
def test_the_number_of_workers_has_one_place(engine: str, workers: int | None, plan: Plan) -> None:
    found = built(engine, workers)
    count, _ = workers_pod(engine, found)
    assert workers in (None, count)
    if engine == "ray":
        assert job("ray", found)[1] == {WORKERS: str(count)}
    else:
        waited_for = [entry["value"] for each in containers(found) for entry in each.get("env", ()) if entry["name"] == "WORKERS"]
        assert waited_for == [str(count)] * 2
    assert {run.workers[0] for run in plan(engine, workers)} == {count}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_job_applied_without_kustomize_has_no_number_of_its_own(engine: str) -> None:
    text = (FOLDER / engine / "job.yaml").read_text()
    given = re.findall(r'WORKERS(?:: |, value: )"(.+)"', text)
    assert set(given) == {"from kustomization.yaml"}
    with pytest.raises(UsageError, match="is not a whole number above 0"):
        RayTrain.default_workers({WORKERS: given[0]})


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("workers", [None, 2])
def test_kustomize_builds_what_these_tests_take_for_built(name: str, workers: int | None, tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl, which reads files alone here: https://kubernetes.io/docs/tasks/tools")
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    file = tmp_path / "kubernetes" / name / "cluster.yaml"
    if workers and file.exists():
        file.write_text(re.sub(r"replicas: \d+ #", f"replicas: {workers} #", file.read_text()))
    said = subprocess.run(["kubectl", "kustomize", file.parent], capture_output=True, text=True, check=True, timeout=60).stdout
    image = yaml.safe_load((FOLDER / "image" / "kustomization.yaml").read_text())["images"][0]
    assert {each["image"] for each in containers(list(yaml.safe_load_all(said)))} == {f"manyhands:{image['newTag']}"}
    assert ordered(list(yaml.safe_load_all(said.replace(f"manyhands:{image['newTag']}", "manyhands")))) == ordered(
        built(name, workers)
    )


def ordered(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda document: (document["kind"], document["metadata"]["name"]))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_job_is_the_corrected_cell_of_the_study(engine: str, plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    runs = plan(engine)
    study = load_study(STUDY)
    (part,) = [part for part in study.parts(CORRECTED) if "ray" in part.backends]
    assert runs[0].workers[0] in part.backends["ray"]
    assert {run.epochs for run in runs} == {part.epochs}
    assert len(runs) == study.repeats
    whole = dry_run(["run", "--study", STUDY, "--oversubscribe", "--data", runs[0].data], capsys)
    (meant,) = [run for run in whole if run.backend == ("ray",) and run.workers == runs[0].workers]
    for name, value in vars(meant).items():
        if name not in ("backend", "address", "save", "epochs", "samples", "oversubscribe"):
            assert getattr(runs[0], name) == value, name


def test_the_base_line_of_the_readme_is_the_same_training(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    runs = plan("ray")
    (line,) = [line for line in TOLD if line.startswith("manyhands run")]
    alone = dry_run(shlex.split(line)[1:], capsys)
    assert len(alone) == len(runs)
    for name, value in vars(runs[0]).items():
        if name not in ("backend", "workers", "address", "save", "no_base_line"):  # serial alone is the base line
            assert getattr(alone[0], name) == value, name
    assert parser().parse_args(shlex.split(line)[1:]).out == parser().parse_args(job("ray", built("ray"))[0][1:]).out


def test_the_commands_of_the_readme_are_taken() -> None:
    assert {line.split()[1] for line in TOLD} == {"data", "run", "report"}
    for line in TOLD:
        assert parser().parse_args(shlex.split(line)[1:]).call


@pytest.mark.parametrize("engine", ENGINES)
def test_the_job_joins_the_cluster_beside_it(engine: str, plan: Plan) -> None:
    found = built(engine)
    run = plan(engine)[0]
    assert run.backend == (engine,)
    if engine == "ray":
        assert run.address == "auto"
        assert one(found, "RayJob")["spec"]["clusterSelector"] == {"ray.io/cluster": one(found, "RayCluster")["metadata"]["name"]}
        return
    if engine == "dask":
        cluster = one(found, "DaskCluster")
        name, service = f"{cluster['metadata']['name']}-scheduler", cluster["spec"]["scheduler"]["service"]
        assert service["selector"]["dask.org/cluster-name"] == cluster["metadata"]["name"]
    else:
        name, service = one(found, "Service")["metadata"]["name"], one(found, "Service")["spec"]
        labels = one(found, "Deployment", "master")["spec"]["template"]["metadata"]["labels"]
        assert service["selector"].items() <= labels.items()
        assert words(workers_pod("spark", found)[1])[-1] == run.address
    scheme = {"dask": "tcp", "spark": "spark"}[engine]
    assert run.address == f"{scheme}://{name}:{service['ports'][0]['port']}"


def test_the_entry_point_of_ray_is_one_plain_command() -> None:
    """KubeRay writes it into a shell script unquoted: a quote, a variable or a semicolon would mean something there."""
    entry = one(built("ray"), "RayJob")["spec"]["entrypoint"]
    assert entry == shlex.join(shlex.split(entry))
    assert "\n" not in entry


def test_ray_is_the_version_that_is_pinned() -> None:
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    cluster = one(built("ray"), "RayCluster")
    assert cluster["apiVersion"] == one(built("ray"), "RayJob")["apiVersion"] == "ray.io/v1"
    assert f"ray=={cluster['spec']['rayVersion']}" in pins


def test_ray_trains_in_the_pods_of_workers_alone() -> None:
    spec = one(built("ray"), "RayCluster")["spec"]
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert "num-cpus" not in spec["workerGroupSpecs"][0]["rayStartParams"]  # KubeRay takes it from the pod's limit
    assert spec["authOptions"] == {"mode": "token"}


def test_commands_of_ray_and_dask_have_such_options() -> None:
    if find_spec("ray") is None or find_spec("distributed") is None:
        pytest.skip("needs ray and distributed: pip install 'manyhands[ray,dask]'")
    spec = one(built("ray"), "RayCluster")["spec"]
    for group in (spec["headGroupSpec"], spec["workerGroupSpecs"][0]):
        options = {f"--{name}" for name in group["rayStartParams"]}
        assert options <= offered(sys.executable, "-m", "ray.scripts.scripts", "start")
    commands = [words(each) for each in containers(one(built("dask"), "DaskCluster"))]
    assert [command[:2] for command in commands] == [["dask", "scheduler"], ["dask", "worker"]]
    for command in commands:
        assert set(filter(is_option, command)) <= offered(sys.executable, "-m", *command[:2])


def is_option(word: str) -> bool:
    return word.startswith("--")


def start_options(parameters: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in parameters.items()]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pod_of_a_worker_holds_one_worker_with_its_threads(engine: str, plan: Plan) -> None:
    found = built(engine)
    _, worker = workers_pod(engine, found)
    threads = plan(engine)[0].threads
    assert int(worker["resources"]["requests"]["cpu"]) == threads
    if engine == "spark":
        command = words(worker)
        assert command[command.index("--cores") + 1] == str(threads)
        heap, memory = command[command.index("--memory") + 1], worker["resources"]["limits"]["memory"]
        assert int(heap.removesuffix("g")) + 1 < int(memory.removesuffix("Gi"))


@pytest.mark.parametrize("name", PLACES)
def test_every_container_has_the_image_the_same_limits_as_requests_and_no_root(name: str) -> None:
    found = built(name)
    for each in containers(found):
        assert each["image"] == "manyhands"  # kustomize adds the tag
        assert each["resources"]["requests"] == each["resources"]["limits"]
        assert set(each["resources"]["limits"]) == {"cpu", "memory"}
    assert all(pod["securityContext"] == {"runAsNonRoot": True} for pod in pods(found))


@pytest.mark.parametrize("name", PLACES)
def test_credentials_come_from_the_secret_wherever_the_bucket_is_used(name: str) -> None:
    (secret,) = documents(FOLDER / "secret.example.yaml")
    found = built(name)
    using = [each for each in containers(found) if "s3://" in " ".join(each.get("command", ()))]
    using += [workers_pod(name, found)[1]] if name in ENGINES else []
    using += containers(one(found, "RayCluster")["spec"]["headGroupSpec"]) if name == "ray" else []
    assert using
    for each in using:
        assert each["envFrom"] == [{"secretRef": {"name": secret["metadata"]["name"]}}]
    assert "AWS_" not in "".join(file.read_text() for file in (FOLDER / name).iterdir())


def test_the_secret_is_an_example_with_the_variables_that_are_read() -> None:
    (secret,) = documents(FOLDER / "secret.example.yaml")
    values = secret["stringData"]
    assert set(values) <= {*ENDPOINTS, *REGIONS, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert len(values) == 4
    assert all(values[name].startswith("put-your-") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))


@pytest.mark.parametrize("name", PLACES)
def test_every_other_command_is_one_of_manyhands_or_compiles(name: str) -> None:
    for each in containers(built(name)):
        command = words(each) if "command" in each else []
        if command[:1] == ["manyhands"]:
            assert parser().parse_args(command[1:]).call
        elif command[:1] == ["python"]:
            compile(command[2], each["name"], "exec")


def test_the_data_is_put_where_the_jobs_look(plan: Plan) -> None:
    make, put = containers(built("data"))
    target = words(put)[-1]
    assert words(put)[-2] == f"{words(make)[-1]}/mnist"
    assert {plan(engine)[0].data for engine in ENGINES} == {target}


def test_records_go_to_a_volume() -> None:
    for engine in ENGINES:
        found = built(engine)
        out = Path(parser().parse_args(job(engine, found)[0][1:]).out)
        mounts = [mount["mountPath"] for each in containers(found) for mount in each.get("volumeMounts", ())]
        assert str(out.parent) in mounts


@pytest.mark.slow
def test_spark_classes_have_such_options() -> None:
    if find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("needs pyspark and Java 17: pip install 'manyhands[spark]'")
    for name in ("master", "worker"):
        command = words(one(built("spark"), "Deployment", name)["spec"]["template"]["spec"]["containers"][0])
        assert set(filter(is_option, command)) <= offered(str(Path(sys.executable).with_name(command[0])), command[1])


@contextmanager
def cluster(workers: int) -> Iterator[dict[str, str]]:
    """A Ray cluster on loopback with the CPUs of so many pods of workers; the variables that a job of it gets.

    One machine stands for all pods: on loopback Ray lets no second one join.
    """
    group = one(built("ray", workers), "RayCluster")["spec"]["workerGroupSpecs"][0]
    cpus = workers * int(group["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"])
    folder = Path(tempfile.mkdtemp(prefix="mh-", dir="/tmp"))  # short, for Ray's sockets
    port = free_port()
    options = ["--head", "--block", f"--num-cpus={cpus}", *start_options(group["rayStartParams"]), f"--temp-dir={folder}"]
    options += ["--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false"]
    options += [f"--dashboard-agent-listen-port={free_port()}", f"--ray-client-server-port={free_port()}"]
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    own = token | {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    own |= {"RAY_worker_niceness": "0"}  # by default all other tests would come first
    adopt_orphans()
    keep = {child.pid for child in psutil.Process().children(recursive=True)}
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log, cwd=folder)
    try:
        deadline = time.monotonic() + 60
        while b"Ray runtime started" not in (folder / "log").read_bytes():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield token | {"RAY_ADDRESS": f"127.0.0.1:{port}"}
    finally:
        process.kill()  # asked to end, it takes half a minute
        process.wait()
        end_descendants(keep)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_the_entry_point_trains_on_a_local_ray(bucket: Bucket, tmp_path: Path) -> None:
    """With the data job's commands before it; its own words, but for the bucket's name, the volume and less work."""
    if find_spec("ray") is None:
        pytest.skip("needs ray: pip install 'manyhands[ray]'")

    def run(command: list[str], variables: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        own = [word.replace("s3://manyhands", bucket.place).replace("/data", str(tmp_path / "data")) for word in command]
        return subprocess.run(
            [sys.executable, "-m", *own],
            env=os.environ | (variables or {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    for each in containers(built("data")):
        done = run(words(each))
        assert done.returncode == 0, done.stderr
    command, variables = job("ray", built("ray", workers=2))
    out = tmp_path / Path(parser().parse_args(command[1:]).out).name
    with cluster(workers=2) as surroundings:
        done = run([*command, "--out", str(out), "--samples", "512", "--epochs", "1", "--repeats", "1"], surroundings | variables)
    (record,) = read_records(out)
    assert record.ok, record.reason
    assert done.returncode == 0, done.stderr
    assert [worker["rank"] for worker in record.per_worker] == [0, 1]
    assert "models/mlp-ray.pt" in bucket.all_keys()
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in out.read_text() + done.stdout + done.stderr
