"""`GET /v1/feedback/{id}`: a page to judge one answer on, for bots to link to; nothing is judged until it is sent.

Chat programs open links to show what lies behind them, so a GET changes nothing. The page needs no script.
"""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Annotated, Any, Literal, NamedTuple  # Any: JSON
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse

from models.errors import NotAllowed
from service.feedback_api import FeedbackBody, judge
from service.feedback_links import signer, token_of
from service.house import House, HouseOf
from service.keys import Caller
from store.keys import Keys, digest_of

STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:30rem;margin:3rem auto;padding:0 1rem}"
    "button{font:inherit;padding:.6rem 1.4rem;margin:0 .6rem .6rem 0}textarea{font:inherit;width:100%}"
    ".asked{outline:3px solid currentColor}"
)
POLICY = (
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
RATER = "link"
JUDGING = frozenset({"feedback", "admin"})
"""Scopes whose keys may sign links."""
Thumb = Literal["up", "down"]
Token = Annotated[str, Query(max_length=200)]

router = APIRouter(tags=["feedback"])


@router.get("/v1/feedback/{decision_id}", response_class=HTMLResponse)
async def ask(decision_id: str, house: HouseOf, thumb: Thumb | None = None, token: Token = "") -> HTMLResponse:
    """The page; `thumb` only marks a button. Raises NotAllowed without the token of a link, UnknownDecision."""
    caller = await _let_in(decision_id, token, house)
    await house.store.ratings.find([decision_id], caller.own)
    buttons = "".join(
        f'<button name="thumb" value="{value}"{" class=asked autofocus" if value == thumb else ""}>{words}</button>'
        for value, words in (("up", "Yes, it was"), ("down", "No"))
    )
    form = (
        '<form method="post"><p>Was this answer good?</p>'
        f'<input type="hidden" name="token" value="{escape(token)}"><p>{buttons}</p>'
        "<p><label>What should be known about it? (optional)<br>"
        '<textarea name="comment" rows="3" maxlength="2000"></textarea></label></p></form>'
    )
    return _page(form)


@router.post("/v1/feedback/{decision_id}", response_class=HTMLResponse)
async def take(
    decision_id: str,
    house: HouseOf,
    thumb: Annotated[Thumb, Form()],
    token: Annotated[str, Form(max_length=200)] = "",
    comment: Annotated[str, Form(max_length=2000)] = "",
) -> HTMLResponse:
    """What was sent from the page, as feedback of the rater "link". Raises NotAllowed, UnknownDecision."""
    caller = await _let_in(decision_id, token, house)
    body = FeedbackBody(id=decision_id, thumb=thumb, rater=RATER, comment=comment or None)
    await judge(decision_id, body, house, caller)
    return _page("<p>Thank you. It is taken down, and the next answers profit from it.</p>")


@router.get("/v1/feedback/{decision_id}/link")
async def link(decision_id: str, request: Request, house: HouseOf) -> dict[str, Any]:
    """The addresses to hand out, signed with the key of this request; they open without one. Raises UnknownDecision."""
    caller: Caller = getattr(request.state, "key", None) or Caller()  # the gate's
    await house.store.ratings.find([decision_id], caller.own)
    given = request.headers.get("authorization", "").partition(" ")[2].strip()
    digest, seals = digest_of(given.encode("latin-1")), await asyncio.to_thread(_seals, house)
    signed = {"token": token_of(decision_id, digest)} if digest in seals.callers else {}
    base = house.settings.server.public_url or str(request.base_url)
    page = f"{base.rstrip('/')}/v1/feedback/{quote(decision_id)}"
    up, down = (f"{page}?{urlencode({'thumb': thumb, **signed})}" for thumb in ("up", "down"))
    return {"object": "feedback.link", "id": decision_id, "up": up, "down": down}


async def _let_in(decision_id: str, token: str, house: House) -> Caller:
    """Whose key signed the link, if it holds; whoever reads it has its rights. Raises NotAllowed."""
    seals = await asyncio.to_thread(_seals, house)
    if not seals.needed:
        return Caller()
    digest = signer(decision_id, token, seals.callers)
    if digest is None:
        raise NotAllowed("this link is not signed, or the key that signed it may not judge (any more)", param="token")
    return seals.callers[digest]


class Seals(NamedTuple):
    """The keys that hold and may judge, by their digests, and whether a link needs one: once there was ever a key."""

    callers: Mapping[str, Caller]
    needed: bool


def _seals(house: House) -> Seals:
    keys, own, now = Keys(house.store.database), house.settings.server.api_keys, datetime.now(UTC)
    held = [key for key in keys.all() if key.revoked_at is None and (key.expires_at is None or key.expires_at > now)]
    kept = {key.digest: Caller.of(key) for key in held if JUDGING & set(key.scopes)}
    callers = {**kept, **{digest_of(key): Caller("settings", everything=True) for key in own}}
    return Seals(callers, bool(own) or keys.count() > 0)


def _page(words: str) -> HTMLResponse:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Feedback</title>'
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{words}</body></html>',
        headers=HEADERS,
    )
