"""The images and the compose file: linted, pinned, and every path, command and key in them exists."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any  # parsed YAML

import pytest
import yaml

from service.settings import load

ROOT = Path(__file__).resolve().parents[1]
DOCKER = ROOT / "docker"
IMAGES = ("Dockerfile", "Dockerfile.gpu")
PINNED = re.compile(r"^[\w./-]+:v?\d+\.\d+[\w.-]*$")


def instructions(image: str) -> list[tuple[str, list[str]]]:
    """The instructions of a Dockerfile with their words, continued lines joined."""
    text = re.sub(r"\\\n", " ", (DOCKER / image).read_text())
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(first, rest) for first, *rest in lines]


def compose() -> dict[str, Any]:
    """The services of the compose file."""
    services: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    return services


@pytest.mark.parametrize("image", IMAGES)
def test_the_linter_finds_nothing_in_a_dockerfile(image: str) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint has no build for this machine's processor")
    linted = subprocess.run([hadolint, "--no-color", str(DOCKER / image)], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("image", IMAGES)
def test_what_an_image_copies_exists_and_is_sent_to_the_engine(image: str) -> None:
    copied = [word for name, words in instructions(image) if name == "COPY" for word in words[:-1]]
    sent = (ROOT / ".dockerignore").read_text().split()
    assert {"models", "strategies", "router", "store", "service", "requirements.lock"} <= set(copied)
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert [path for path in copied if f"!{path}" not in sent] == []


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_is_built_on_a_pinned_base_and_runs_without_root(image: str) -> None:
    found = instructions(image)
    assert [words for name, words in found if name == "FROM" if not PINNED.match(words[0])] == []
    assert [words for name, words in found if name == "USER"] == [["1000"]]


def test_both_images_install_the_same_requirements_torch_first() -> None:
    wanted = [re.findall(r"-r (\S+)", " ".join(w)) for i in IMAGES for name, w in instructions(i) if name == "RUN"]
    assert [files for files in wanted if files] == [["requirements-torch.txt", "requirements.lock"]] * 2


def test_every_service_of_compose_is_pinned_and_has_a_health_check() -> None:
    services = compose()
    assert set(services) == {"service", "database", "vllm"}
    assert [s["image"] for s in services.values() if "image" in s and not PINNED.match(s["image"])] == []
    built = services["service"]["build"]
    dockerfile = DOCKER / built["context"] / built["dockerfile"]
    assert "HEALTHCHECK" in dockerfile.read_text()
    assert all("healthcheck" in services[name] for name in ("database", "vllm"))
    assert set(services["service"]["depends_on"]) == {"database", "vllm"}


def test_files_mounted_by_compose_exist_and_its_volumes_are_declared() -> None:
    mounted = [volume.split(":")[0] for service in compose().values() for volume in service.get("volumes", [])]
    declared = yaml.safe_load((DOCKER / "compose.yaml").read_text())["volumes"]
    assert [name for name in mounted if name.startswith(".") and not (DOCKER / name).is_file()] == []
    assert {name for name in mounted if not name.startswith(".")} == set(declared)


def test_the_command_line_knows_the_flags_that_images_and_compose_pass() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "service", "serve", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    passed = {word for word in compose()["service"]["command"] if word.startswith("--")} | {"--host"}
    assert {flag for flag in passed if flag not in told} == set()
    assert all(list(instructions(i)[-1]) == ["CMD", ['["serve",', '"--host",', '"0.0.0.0"]']] for i in IMAGES)


def test_the_settings_for_compose_load_and_take_the_database_from_the_environment(tmp_path: Path) -> None:
    text = (DOCKER / "pointsman.toml").read_text().replace("/app/", f"{ROOT}/")
    file = tmp_path / "pointsman.toml"
    file.write_text(text)
    settings = load(file, {"POINTSMAN_STORE__URL": "postgresql+psycopg://pointsman:secret@database/pointsman"})
    assert settings.store.url.endswith("@database/pointsman")
    served = compose()["vllm"]["command"]
    assert settings.models["qwen"].model == f"openai/{served[served.index('--served-model-name') + 1]}"
    assert (settings.models["qwen"].api_base or "").startswith("http://vllm:")
