"""Writes the two lock files: every installed distribution that pyproject.toml reaches, at its exact version.

Reads the metadata of what `.venv` holds and asks no index, so the lock is what the tests ran on. Torch is left out
(it has its own file, installed first), and so is what only its CUDA build pulls in: the same lock serves machines
with and without a GPU. `requirements.lock` is what the service runs on; `requirements-dev.lock` is what checking and
building add.
"""

import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HEAD = "# Made by `make lock` from the environment that passed the tests; pyproject.toml names what is wanted.\n"
CUDA_ONLY = ("nvidia-", "cuda-", "triton")


def main() -> int:
    """Write both files and print what could not be found; returns the exit status."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = reached(project["project"]["dependencies"])
    develop = {name: pin for name, pin in reached(project["dependency-groups"]["dev"]).items() if name not in runtime}
    (ROOT / "requirements.lock").write_text(HEAD + "".join(f"{pin}\n" for _, pin in sorted(runtime.items())))
    (ROOT / "requirements-dev.lock").write_text(HEAD + "".join(f"{pin}\n" for _, pin in sorted(develop.items())))
    sys.stdout.write(f"{len(runtime)} pins in requirements.lock, {len(develop)} in requirements-dev.lock\n")
    return 0


def reached(wanted: Iterable[str]) -> dict[str, str]:
    """Every distribution that the requirements reach: from its canonical name to its line in a lock file."""
    pins: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(line), "") for line in wanted]
    # A marker of our own (a tool without a build for some machines) stays beside its pin.
    ours = {canonicalize_name(asked.name): f" ; {asked.marker}" for asked, _ in waiting if asked.marker}
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        if name.startswith(CUDA_ONLY):
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{requirement} is not installed; install it into .venv, then `make lock`") from None
        if name != "torch":
            pins[name] = f"{name}=={found.version.partition('+')[0]}{ours.get(name, '')}"
        for asked in {"", *requirement.extras}:
            if (name, asked) not in seen:
                seen.add((name, asked))
                waiting += [(Requirement(line), asked) for line in found.requires or ()]
    return pins


if __name__ == "__main__":
    sys.exit(main())
