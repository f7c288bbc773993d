"""Who may ask what, and how much: API keys in memory, in step with SQL, looked at before every request.

Nothing here touches SQL while a request waits, but for a key that nobody knows: then the table is read again, at most
once a second. A key is found by its digest in a dictionary: how long that takes tells of the digest, not of the key.
"""

import asyncio
import hmac
import math
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from models.errors import Forbidden, NotAllowed, PointsmanError
from router.types import Event
from service.feedback_links import is_link
from service.quotas import Budgets, Rate
from store.keys import Key, Keys, digest_of
from strategies.core import Constraints

SCOPES = ("chat", "feedback", "read", "knowledge", "admin")
ROUTES: Mapping[str, str] = {
    **dict.fromkeys(("chat", "responses", "route", "embeddings", "models"), "chat"),
    "feedback": "feedback",
    **dict.fromkeys(("decisions", "policies", "arms", "metrics", "openapi.json"), "read"),
    "knowledge": "knowledge",
}
"""The scope that each family of routes asks for; any other route asks for `admin`."""
SPENDING = frozenset({"chat", "responses", "route", "embeddings"})
OPEN = frozenset({"", "healthz", "readyz", "health", "pages"})  # the page asks for the key itself; probes have none
EVERY = 3.0
"""Seconds between two looks at the table of keys."""
COUNT_EVERY = 15.0
"""Seconds between two counts of what keys have spent, and more where a count takes long."""
AGAIN = 1.0

log = structlog.get_logger()


class UnknownToken(NotAllowed):
    """A key that is not known here yet."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key came with a request: its id (None: no key is asked for), and the models it may ask (none: all).

    `everything` says that it may do everything, `across` that it may see and judge what was asked with other keys.
    """

    id: str | None = None
    models: tuple[str, ...] = ()
    everything: bool = False
    across: bool = False

    @classmethod
    def of(cls, key: Key) -> "Caller":
        """Whoever has this key. One that reads the log judges everybody's answers, and so does one that judges without
        asking, as a program does that collects thumbs for another."""
        scopes = frozenset(key.scopes)
        return cls(key.id, key.models, "admin" in scopes, "read" in scopes or "chat" not in scopes)

    @property
    def own(self) -> str | None:
        """The key whose questions and answers are all that it may see and judge; None: everybody's."""
        return None if self.everything or self.across else self.id

    def sees(self, model: str) -> bool:
        """Whether the model is one that it may ask."""
        return not self.models or model in self.models

    def constraints(self, wish: Constraints, model: str = "auto", there: Container[str] | None = None) -> Constraints:
        """What the request wishes within what its key may ask, of the models that are `there` (None: all are).

        Raises Forbidden if that leaves nothing.
        """
        if not self.models:
            return wish
        named = model if model in self.models else model.partition("@")[2]
        if model.partition("@")[0] != "auto" and named not in self.models:
            raise Forbidden(f"this key may ask {', '.join(self.models)}, not {model!r}", param="model")
        left = tuple(one for one in wish.models if one in self.models) if wish.models else self.models
        if not left:
            raise Forbidden(f"this key may ask {', '.join(self.models)} only", param="pointsman.models")
        if there is not None and not (left := tuple(one for one in left if one in there)):
            raise Forbidden(f"this key may ask {', '.join(self.models)} only, which is not here now", param="model")
        return replace(wish, models=left)


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that may go on; `limit` and `left` are its key's requests per minute, where there is a rate."""

    caller: Caller
    limit: int | None = None
    left: int = 0


EVERYBODY = Passed(Caller())


class Guard:
    """Lets requests pass. `own` are the keys of the settings, which may do everything; without any key all may."""

    def __init__(self, own: Sequence[str] = (), clock: Callable[[], float] = time.time) -> None:
        self._own = [
            (digest_of(key), Passed(Caller(f"settings-{i + 1}", everything=True))) for i, key in enumerate(own)
        ]
        self._clock = clock
        self._keys: Keys | None = None
        self._known: dict[str, tuple[Key, Caller]] = {}
        self._ever = 0
        self._rates: dict[str, Rate] = {}
        self._budgets = Budgets()
        self._looking = asyncio.Lock()
        self._looked = self._count_at = -math.inf
        self._task: asyncio.Task[None] | None = None

    @property
    def is_locked(self) -> bool:
        """Whether a key is needed: as soon as there has ever been one, so that revoking the last opens nothing."""
        return bool(self._own) or self._ever > 0

    async def open(self, keys: Keys) -> None:
        """Read the keys and what they spent, and keep in step from now on. Raises StoreError."""
        self._keys = keys
        await self._look(time.monotonic())
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._keys = None

    def admit(self, authorization: str, method: str, path: str) -> Passed:
        """Whether a request may pass. Raises NotAllowed, Forbidden, QuotaExceeded.

        `authorization` is the header as it came, its bytes as Latin-1.
        """
        family = path.removeprefix("/v1").strip("/").partition("/")[0]
        if family in OPEN or not self.is_locked or is_link(path):  # a link lets in by its own token
            return EVERYBODY
        scheme, _, token = authorization.partition(" ")
        if not authorization:
            raise NotAllowed("an API key is needed: send it as authorization: Bearer KEY")
        if scheme.lower() != "bearer":
            raise NotAllowed("the API key is wrong: send it as authorization: Bearer KEY")
        digest = digest_of(token.strip().encode("latin-1"))
        own = [passed for known, passed in self._own if hmac.compare_digest(known, digest)]
        if own:
            return own[0]
        if digest not in self._known:
            raise UnknownToken("the API key is wrong")
        key, caller = self._known[digest]
        self._check(key, family)
        if key.has_budget and family in SPENDING and method == "POST":
            self._budgets.check(key, self._clock())
        if key.requests_per_minute is None:
            return Passed(caller)
        rate = self._rates[key.id]
        rate.take(time.monotonic())
        return Passed(caller, key.requests_per_minute, int(rate.left))

    def whose(self, authorization: str) -> Caller | None:
        """Who may be told the models' names with this header; None: nobody. Nothing is counted."""
        if not self.is_locked:
            return EVERYBODY.caller
        digest = digest_of(authorization.partition(" ")[2].strip().encode("latin-1"))
        if own := [passed.caller for known, passed in self._own if hmac.compare_digest(known, digest)]:
            return own[0]
        if digest not in self._known:
            return None
        key, caller = self._known[digest]
        try:
            self._check(key, "models" if "chat" in key.scopes else "arms")
        except (NotAllowed, Forbidden):
            return None
        return caller

    async def look_again(self) -> None:
        """Read the table for a key that is not known, unless that was done within the last second.

        Who comes while another looks waits for what that one finds.
        """
        async with self._looking:
            now = time.monotonic()
            if self._keys is None or now - self._looked < AGAIN:
                return
            self._looked = now
            await self._tried(now)

    def tell(self, decision_id: str, event: Event) -> None:
        """Count what a run took that has ended."""
        self._budgets.tell(event, self._clock())

    def _check(self, key: Key, family: str) -> None:
        now = self._clock()
        if key.revoked_at is not None:
            raise NotAllowed(f"the API key {key.id} was revoked")
        if key.expires_at is not None and key.expires_at.timestamp() <= now:
            raise NotAllowed(f"the API key {key.id} has expired")
        scope = ROUTES.get(family, "admin")
        if scope not in key.scopes and "admin" not in key.scopes:
            raise Forbidden(f"the API key {key.id} may {', '.join(key.scopes) or 'nothing'}, and this asks for {scope}")

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            async with self._looking:
                await self._tried(time.monotonic())

    async def _tried(self, now: float) -> None:
        """Look, or go on with what is known."""
        try:
            await self._look(now)
        except PointsmanError as error:
            log.warning("the API keys cannot be read; those known so far hold", error=str(error))

    async def _look(self, now: float) -> None:
        assert self._keys is not None
        found, self._ever = await asyncio.to_thread(_all, self._keys)
        budgeted = [key for key in found if key.has_budget and key.revoked_at is None]
        if self._count_at <= now or not all(map(self._budgets.knows, budgeted)):
            started, moment = time.monotonic(), self._clock()
            counted = await asyncio.to_thread(self._keys.counted, budgeted, moment, self._budgets.runs)
            self._budgets.take(budgeted, counted, moment)
            self._count_at = now + max(COUNT_EVERY, 50 * (time.monotonic() - started))
        for key in found:
            if key.requests_per_minute is not None and key.id not in self._rates:
                self._rates[key.id] = Rate.full(key.requests_per_minute)
        self._known = {key.digest: (key, Caller.of(key)) for key in found}


def _all(keys: Keys) -> tuple[list[Key], int]:
    return keys.all(), keys.count()
