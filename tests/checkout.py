"""The files of the repository: what git tracks, or everything but caches where the tree was copied without git."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = {"__pycache__", "checkpoints", "dist", "build"}


def tracked(*suffixes: str) -> list[Path]:
    """The files that are tracked and still there, those that end so; all without suffixes."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines() if listed.returncode == 0 else _walked()
    return [ROOT / name for name in names if name.endswith(suffixes or "") and (ROOT / name).is_file()]


def _walked() -> list[str]:
    paths = (path.relative_to(ROOT) for path in sorted(ROOT.rglob("*")))
    kept = (path for path in paths if not path.parts[0].startswith(".") and not NOT_OURS & set(path.parts))
    return [path.as_posix() for path in kept if path.suffix not in (".pyc", ".db")]
