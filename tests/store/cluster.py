"""A throw-away PostgreSQL: started once for all tests, reached over a socket in its own folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

OPTIONS = "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=60"


def programs() -> Path | None:
    """The folder of PostgreSQL's server programs, if they are installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@contextmanager
def cluster(bin_folder: Path) -> Iterator[Path]:
    """The folder of the socket of a running server, whose superuser is `postgres`."""
    folder = Path(tempfile.mkdtemp(prefix="pointsman-pg-"))
    try:
        if os.geteuid() == 0:  # the server refuses to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = folder / "data"
        _run(f"{bin_folder}/initdb -D {data} -U postgres -A trust --no-sync -E UTF8 --locale=C")
        _run(f'{bin_folder}/pg_ctl -D {data} -w -t 120 -l {folder}/log -o "{OPTIONS} -k {folder}" start')
        try:
            yield folder
        finally:
            _run(f"{bin_folder}/pg_ctl -D {data} -w -m immediate stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(folder: Path, name: str) -> str:
    """Make an empty database and return its URL."""
    with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"postgresql+psycopg://postgres@/{name}?host={folder}"


def stop(folder: Path) -> None:
    """Stop a running server, as an administrator does: connections are closed, nothing is lost."""
    _run(f"{programs()}/pg_ctl -D {folder}/data -w -m fast stop")


def start(folder: Path) -> None:
    """Start a stopped server again."""
    _run(f'{programs()}/pg_ctl -D {folder}/data -w -t 120 -l {folder}/log -o "{OPTIONS} -k {folder}" start')


def _run(command: str) -> None:
    argv = ["su", "postgres", "-s", "/bin/sh", "-c", command] if os.geteuid() == 0 else ["sh", "-c", command]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
