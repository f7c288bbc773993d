"""`keys`: API keys made, listed and revoked from the shell, also while services run on the same database."""

import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from models.errors import UserError
from service.keys import SCOPES
from service.sections import Settings
from store.keys import Key, Period, Spent, digest_of, opened_keys

PREFIX = "pm-"
PUBLIC = 8
"""Characters of a key that are its id; all others, 192 random bits, are secret."""
USUAL = ("chat", "feedback")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the new key shall be allowed; None is no limit."""

    name: str
    scopes: Sequence[str] = USUAL
    models: Sequence[str] = ()
    requests_per_minute: int | None = None
    usd: float | None = None
    gpu_seconds: float | None = None
    tokens: int | None = None
    period: Period = "month"
    expires_days: float | None = None


class Made(NamedTuple):
    """A new key: what is kept of it, and the key itself, which is not."""

    key: Key
    secret: str


def create(settings: Settings, wanted: Wanted) -> int:
    """Keep a new key and print it, once. Raises UserError for limits that cannot be meant, StoreError."""
    _check(wanted)
    made = new_key(wanted)
    with opened_keys(settings.store.url) as keys:
        keys.add(made.key)
    sys.stdout.write(f"{made.secret}\n")
    told = [f"This is the only time that the key is shown; its id is {made.key.id}."]
    unknown = [name for name in wanted.models if name not in settings.models]
    if unknown:
        told.append(f"The settings name no model {', '.join(map(repr, unknown))}.")
    tables = settings.models.values()
    if wanted.usd is not None and all((one.usd_per_1m_in, one.usd_per_1m_out) == (None, None) for one in tables):
        told.append("No model of the settings has a price (usd_per_1m_in, usd_per_1m_out): dollars are not counted.")
    sys.stderr.write("".join(f"{line}\n" for line in told))
    return 0


def list_all(settings: Settings) -> int:
    """Print a table of the keys, with what each has taken in this period."""
    now = time.time()
    with opened_keys(settings.store.url) as keys:
        found = keys.all()
        spent = keys.counted(found, now).spent
    table = Table("id", "name", "scopes", "models", "limits", "taken", "state", box=None, pad_edge=False)
    for key in found:
        models = ", ".join(key.models) or "all"
        table.add_row(
            key.id, key.name, " ".join(key.scopes), models, _limits(key), _taken(spent[key.id]), _state(key, now)
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    return 0


def revoke(settings: Settings, key_id: str) -> int:
    """Let a key open nothing any more; services hear of it within seconds. Raises UnknownKey."""
    with opened_keys(settings.store.url) as keys:
        keys.revoke(key_id)
    sys.stdout.write(f"{key_id} is revoked.\n")
    return 0


def new_key(wanted: Wanted) -> Made:
    """A key with these rights; its id is the beginning of it, which tells nothing of the rest."""
    key_id = PREFIX + secrets.token_urlsafe(PUBLIC)[:PUBLIC]
    secret = key_id + secrets.token_urlsafe(24)
    end = None if wanted.expires_days is None else datetime.now(UTC) + timedelta(days=wanted.expires_days)
    key = Key(key_id, wanted.name, digest_of(secret), tuple(wanted.scopes), tuple(wanted.models))
    return Made(
        replace(
            key,
            requests_per_minute=wanted.requests_per_minute,
            period=wanted.period,
            usd=wanted.usd,
            gpu_seconds=wanted.gpu_seconds,
            tokens=wanted.tokens,
            expires_at=end,
        ),
        secret,
    )


def _check(wanted: Wanted) -> None:
    for scope in wanted.scopes:
        if scope not in SCOPES:
            raise UserError(f"--scopes: there is no {scope!r}; there are {', '.join(SCOPES)}")
    if not wanted.scopes:
        raise UserError(f"--scopes: a key needs one at least of {', '.join(SCOPES)}")
    if not wanted.name.strip():
        raise UserError("a key needs a name, so that you know it again")
    above = {
        "--requests-per-minute": wanted.requests_per_minute,
        "--usd": wanted.usd,
        "--gpu-seconds": wanted.gpu_seconds,
        "--tokens": wanted.tokens,
        "--expires-days": wanted.expires_days,
    }
    for flag, value in above.items():
        if value is not None and not 0 < value < 1e9:
            raise UserError(f"{flag} must be above 0 and below a billion, not {value!r}")
    if wanted.expires_days is not None and wanted.expires_days > 36_500:
        raise UserError(f"--expires-days must be at most 36500, not {wanted.expires_days!r}")


def _limits(key: Key) -> str:
    units = ("usd", "GPU-s", "tokens")
    budget = [f"{limit:g} {unit}" for limit, unit in zip(key.budget, units, strict=True) if limit is not None]
    span = "in all" if key.period == "total" else f"per {key.period}"
    rate = [] if key.requests_per_minute is None else [f"{key.requests_per_minute} requests per minute"]
    return ", ".join([*rate, *(f"{one} {span}" for one in budget)]) or "none"


def _taken(spent: Spent) -> str:
    return f"{spent.usd:.4g} usd, {spent.gpu_seconds:.4g} GPU-s, {spent.tokens} tokens"


def _state(key: Key, now: float) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "holds"
    return f"{'expired' if key.expires_at.timestamp() <= now else 'holds until'} {key.expires_at:%Y-%m-%d}"
