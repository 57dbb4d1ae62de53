"""`deploy/image`: one image, named the same and with the version of manyhands wherever it is named; its requirements are pinned."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import manyhands

yaml = pytest.importorskip("yaml", reason="needs PyYAML: pip install 'manyhands[test]'")

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "image" / "Dockerfile").read_text()
NAME = f"manyhands:{manyhands.__version__}"


def steps(instruction: str) -> list[str]:
    """What follows each such instruction, with its lines joined."""
    return re.findall(rf"^{instruction} (.+)$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)


def test_the_tag_is_the_version_wherever_the_image_is_named() -> None:
    (image,) = yaml.safe_load((DEPLOY / "kubernetes" / "image" / "kustomization.yaml").read_text())["images"]
    assert f"{image['newName']}:{image['newTag']}" == NAME
    services = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]
    assert {service["image"] for name, service in services.items() if name != "store"} == {NAME}


def test_no_file_names_the_image_with_another_tag() -> None:
    named = {}
    for file in (path for path in DEPLOY.rglob("*") if path.is_file()):
        for found in re.findall(r"\bmanyhands:[\w.-]*\w", file.read_text()):
            named.setdefault(found, file.name)
    assert set(named) == {NAME}, named


def test_what_is_copied_into_the_image_is_there() -> None:
    copied = [source for step in steps("COPY") for source in step.split()[:-1]]
    assert all((ROOT / source).exists() for source in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"pyproject.toml", "constraints.txt", "src", project["readme"], *project["license-files"]} <= set(copied)


def test_compose_builds_it_from_the_root_of_the_repository() -> None:
    services = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]
    builds = [service["build"] for name, service in services.items() if name != "store"]
    for build in builds:
        context = (DEPLOY / "compose" / build["context"]).resolve()
        assert context == ROOT
        assert context / build["dockerfile"] == DEPLOY / "image" / "Dockerfile"


def test_everything_is_installed_at_pinned_versions() -> None:
    (install,) = [step for step in steps("RUN") if step.startswith("pip install")]
    assert "-c constraints.txt" in install
    assert "'.[all]'" in install
    pins = dict(pin.split("==") for pin in (ROOT / "constraints.txt").read_text().splitlines() if "==" in pin)
    wanted = [line for line in (DEPLOY / "image" / "ray-jobs.txt").read_text().splitlines() if not line.startswith("#")]
    for line in wanted:
        name, _, version = line.partition("==")
        assert bool(version) != (name.partition("[")[0] in pins), f"{line}: pinned in one of both files"


def test_it_has_the_python_and_the_java_that_the_readme_asks_for() -> None:
    (base,) = steps("FROM")
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert base.startswith(f"python:{required.removeprefix('>=')}-")
    assert "openjdk-17-jre-headless" in DOCKERFILE
    assert "openjdk-17-jre-headless" in (ROOT / "README.md").read_text()


def test_it_does_not_run_as_root() -> None:
    assert steps("USER") == ["1000"]
    assert DOCKERFILE.rindex("\nUSER") > DOCKERFILE.rindex("\nRUN")
