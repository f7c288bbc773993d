"""Carry the thumbs that people give in Open WebUI over to Pointsman: reads its export of feedback, posts what is new.

python examples/open_webui/thumbs.py --open-webui http://127.0.0.1:8080 --token-file admin.key [--once]

The token is an administrator's API key. Each judgement carries the id of Open WebUI's feedback, so that it counts once
however often this starts. Who changes a thumb is heard again: once for up and once for down, so that one person's word
on an answer is up, down or both. Who comes back to the first thumb is not heard a third time, since Pointsman counts
the same judgement of the same rater once; what is changed before `--settle` seconds are over is heard as it then is.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # JSON

import httpx

EXPORT = "/api/v1/evaluations/feedbacks/all/export"
KEPT = "pointsman_id"
"""Where the filter `ids.py` left the answer's id, in the message's usage."""
LONGEST = 2000
"""Characters of a comment that are passed on."""
AGAIN = (429, 500, 502, 503, 504)
"""Statuses after which the same judgement is sent once more in the next round."""


class Stopped(Exception):
    """What has to be put right by whoever started this."""


@dataclass(slots=True)
class Round:
    """What became of the feedback of one look."""

    taken: int = 0
    repeated: int = 0
    unknown: int = 0
    refused: int = 0
    waiting: int = 0

    def __str__(self) -> str:
        return (
            f"{self.taken} taken down, {self.repeated} known already, "
            f"{self.unknown} of other servers' answers, {self.refused} refused, {self.waiting} to be sent again"
        )


@dataclass(slots=True)
class Carrier:
    """Looks at one Open WebUI and tells one Pointsman. `settle`: seconds in which a judgement may still be finished."""

    open_webui: httpx.Client
    pointsman: httpx.Client
    settle: float = 60.0
    _done: dict[str, int] = field(default_factory=dict)

    def look(self, now: float) -> Round:
        """Post what is new or changed. Raises Stopped where Open WebUI or Pointsman refuses the key."""
        seen = Round()
        for item in self._export():
            name, changed = str(item.get("id")), int(item.get("updated_at") or 0)
            if self._done.get(name) == changed or (judged := judgement(item)) is None:
                continue
            if now - changed < self.settle:  # a comment follows the thumb
                seen.waiting += 1
            elif self._tell(judged, seen):
                self._done[name] = changed
        return seen

    def _export(self) -> list[dict[str, Any]]:
        reply = self.open_webui.get(EXPORT)
        if reply.status_code in (401, 403):
            raise Stopped("Open WebUI refuses: the token must be an administrator's, and its export switched on")
        try:
            listed = reply.raise_for_status().json()
        except json.JSONDecodeError as error:
            raise Stopped(f"{reply.url} is no Open WebUI: it answers no JSON") from error
        return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []

    def _tell(self, judged: Mapping[str, Any], seen: Round) -> bool:
        """Whether this judgement is done with."""
        reply = self.pointsman.post("/v1/feedback", json=judged)
        if reply.status_code in (401, 403):
            raise Stopped("Pointsman refuses: give --key-file a key with the scope `feedback`")
        if reply.status_code in AGAIN:
            seen.waiting += 1
            return False
        if reply.status_code == httpx.codes.NOT_FOUND:
            seen.unknown += 1
        elif reply.is_error:
            seen.refused += 1
            sys.stderr.write(f"refused ({reply.status_code}): {judged['idempotency_key']}: {reply.text[:300]}\n")
        elif _repeated(reply):
            seen.repeated += 1
        else:
            seen.taken += 1
        return True


def judgement(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Open WebUI's feedback as Pointsman's; None for what holds no thumb, or names no answer."""
    data, meta = item.get("data") or {}, item.get("meta") or {}
    if str(data.get("rating")) not in ("1", "-1"):
        return None
    thumb = "up" if str(data["rating"]) == "1" else "down"
    words = " - ".join(str(data[name]) for name in ("reason", "comment") if data.get(name))
    chat, message = meta.get("chat_id"), meta.get("message_id")
    kept = _kept(item, message)
    if not kept and not (chat and message):
        return None
    return {
        **({"id": kept} if kept else {"conversation": chat, "message": message}),
        "thumb": thumb,
        "rater": f"open-webui:{item.get('user_id') or 'somebody'}",
        "idempotency_key": f"{item['id']}:{thumb}",
        **({"comment": words[:LONGEST]} if words else {}),
    }


def _repeated(reply: httpx.Response) -> bool:
    """Whether Pointsman knew the judgement. Raises Stopped for the answer of another server."""
    try:
        return bool(reply.json()["repeated"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise Stopped(f"{reply.url} is no Pointsman: it does not say what became of a thumb") from error


def _kept(item: Mapping[str, Any], message: object) -> str | None:
    """The answer's id, if the filter left it in the chat that Open WebUI keeps with the feedback."""
    chat = (item.get("snapshot") or {}).get("chat") or {}
    history = (chat.get("chat") or chat).get("history") or {}
    found = ((history.get("messages") or {}).get(message) or {}).get("usage") or {}
    return found.get(KEPT) if isinstance(found, dict) else None


def main() -> int:
    """Look every `--every` seconds, or once. Returns 1 where a person must put something right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--open-webui", required=True, metavar="URL")
    parser.add_argument("--token-file", required=True, type=Path, help="holds an administrator's API key")
    parser.add_argument("--pointsman", default="http://127.0.0.1:8000", metavar="URL")
    parser.add_argument("--key-file", type=Path, help="holds Pointsman's key, where it asks for one")
    parser.add_argument("--every", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--settle", type=float, default=60.0, metavar="SECONDS", help="age at which a thumb is final")
    parser.add_argument("--once", action="store_true", help="look once, for cron")
    given = parser.parse_args()
    try:
        with (
            _client(given.open_webui, given.token_file) as open_webui,
            _client(given.pointsman, given.key_file) as pointsman,
        ):
            carrier = Carrier(open_webui, pointsman, given.settle)
            while True:
                failed = _look(carrier)
                if given.once:
                    return int(failed)
                time.sleep(given.every)
    except (Stopped, OSError, httpx.InvalidURL) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _look(carrier: Carrier) -> bool:
    """One round, told on stdout; whether a server failed, which the next round may mend."""
    try:
        sys.stdout.write(f"{carrier.look(time.time())}\n")
        sys.stdout.flush()
    except httpx.HTTPError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return True
    return False


def _client(address: str, token: Path | None) -> httpx.Client:
    headers = {"authorization": f"Bearer {token.read_text().strip()}"} if token else {}
    return httpx.Client(base_url=address.rstrip("/"), headers=headers, timeout=60.0)


if __name__ == "__main__":
    sys.exit(main())
