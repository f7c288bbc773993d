"""A Slack bot: answers mentions in their threads, streams by editing its message, and learns from two buttons.

python examples/slack/bot.py my-bot.toml

Nothing of Slack's is needed but its Web API over HTTP. Requests are believed only with Slack's signature, not older
than five minutes; the same event twice is answered once.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import re
import sys
import time
import tomllib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any  # JSON
from urllib.parse import parse_qs

import httpx
import uvicorn
from openai import AsyncOpenAI, OpenAIError
from openai.types.chat import ChatCompletionMessageParam
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

OLDEST = 300.0
"""Seconds that a signature is good for (Slack's own advice)."""
LARGEST = 1_000_000
"""Bytes of a request that are read."""
REMEMBERED = 1000
"""Events whose ids are known, so that Slack's repeats are not answered again."""
BLOCK = 11_500
"""Characters of an answer in one message; Slack takes 12,000 in a Markdown block."""
PLAIN = 3000
"""Characters of the text for notifications."""
BUTTONS = {"pointsman_up": ("👍", "up"), "pointsman_down": ("👎", "down")}
WAITING = "…"
MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?>")
CALL = re.compile(r"<(?=[@!#])")
"""What in a model's words would call people or channels."""
BROKEN = (OpenAIError, httpx.HTTPError, json.JSONDecodeError)
"""How an answer may break off; once a stream has begun, the client passes on what it meets as it is."""
log = logging.getLogger("pointsman.slack")


class SlackRefused(Exception):
    """Slack's own word for what was wrong, as `channel_not_found`."""


class Slack:
    """Slack's Web API."""

    def __init__(self, address: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=f"{address.rstrip('/')}/", headers=headers, timeout=20.0)

    async def call(self, method: str, tries: int = 3, **body: Any) -> dict[str, Any]:
        """One method's answer; waits as Slack says where it is too busy. Raises SlackRefused."""
        form = {name: one if isinstance(one, str) else json.dumps(one) for name, one in body.items() if one is not None}
        while True:
            tries -= 1
            try:
                reply = await self._http.post(method, data=form)
                told: dict[str, Any] = reply.json() if reply.status_code == httpx.codes.OK else {}
            except (httpx.HTTPError, json.JSONDecodeError) as error:
                raise SlackRefused(f"{method}: {type(error).__name__}") from error
            if told.get("ok"):
                return told
            if reply.status_code != httpx.codes.TOO_MANY_REQUESTS or tries <= 0:
                raise SlackRefused(f"{method}: {told.get('error', reply.status_code)}")
            await asyncio.sleep(min(float(reply.headers.get("retry-after", 1)), 30.0))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


class Bot:
    """Hears Slack, asks Pointsman."""

    def __init__(self, settings: dict[str, Any]) -> None:
        asked, self._stream = settings["pointsman"], settings.get("stream", {})
        self._secret = settings["signing_secret"].encode()
        self._model = asked.get("model", "auto")
        self._slack = Slack(settings.get("slack_api", "https://slack.com/api"), settings["bot_token"])
        self._pointsman = AsyncOpenAI(
            base_url=f"{asked['address'].rstrip('/')}/v1",
            api_key=asked.get("key") or "none",
            timeout=asked.get("seconds", 120.0),
        )
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def app(self) -> Starlette:
        """The two addresses that Slack calls."""

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
            yield
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=10.0)
            await self._slack.close()
            await self._pointsman.close()

        routes = [
            Route("/slack/events", self.events, methods=["POST"]),
            Route("/slack/interactions", self.interactions, methods=["POST"]),
        ]
        return Starlette(routes=routes, lifespan=lifespan)

    async def events(self, request: Request) -> Response:
        """A question, or Slack's test of the address. Answered at once: Slack waits three seconds, models longer."""
        body = await self._believed(request)
        if body is None:
            return Response(status_code=401)
        told = _object(body)
        if told.get("type") == "url_verification":
            return JSONResponse({"challenge": told.get("challenge")})
        event = told.get("event") or {}
        if event.get("type") == "app_mention" or (event.get("type") == "message" and event.get("channel_type") == "im"):
            by_person = event.get("user") and not event.get("bot_id") and not event.get("subtype")
            if by_person and self._is_new(str(told.get("event_id"))):
                self._later(self.answer(event, str(told.get("team_id"))))
        return Response()

    async def interactions(self, request: Request) -> Response:
        """A button that was pressed."""
        body = await self._believed(request)
        if body is None:
            return Response(status_code=401)
        told = _object(parse_qs(body).get(b"payload", [b""])[0])
        for action in told.get("actions") or []:
            if action.get("action_id") in BUTTONS and action.get("value"):
                self._later(self.judge(action, told))
        return Response()

    async def answer(self, event: dict[str, Any], team: str) -> None:
        """Post a message in the thread, and edit it while the answer comes; the buttons come with its end."""
        channel, thread = event["channel"], event.get("thread_ts") or event["ts"]
        message = {"channel": channel, "ts": ""}
        try:
            posted = await self._slack.call("chat.postMessage", channel=channel, thread_ts=thread, text=WAITING)
            message["ts"] = posted["ts"]
            text, answer_id = await self._ask(event, f"slack:{team}:{channel}:{thread}", message)
            await self._slack.call("chat.update", **message, **_words(text, answer_id))
        except BROKEN as error:
            why = str(error) or type(error).__name__
            log.warning("no answer: %s", why)
            text = f":warning: No answer: {_plain(why)}"
            with suppress(SlackRefused):  # without `blocks`, Slack would keep those of the half answer
                await self._slack.call("chat.update", **message, text=text, blocks=[])
        except SlackRefused as error:
            log.warning("not shown: %s", error)

    async def judge(self, action: dict[str, Any], told: dict[str, Any]) -> None:
        """Hand a thumb on to Pointsman, and thank whoever gave it, unseen by others."""
        user, channel = told["user"]["id"], (told.get("channel") or {}).get("id")
        judged = {"id": action["value"], "thumb": BUTTONS[action["action_id"]][1], "rater": f"slack:{user}"}
        thanks = "Thank you. The next answers profit from it."
        try:
            await self._pointsman.post("/feedback", body=judged, cast_to=object)
        except OpenAIError as error:
            log.warning("not taken down: %s", error)
            thanks = "It could not be taken down; please try again later."
        thread = (told.get("message") or {}).get("thread_ts")
        with suppress(SlackRefused):
            await self._slack.call("chat.postEphemeral", channel=channel, user=user, thread_ts=thread, text=thanks)

    async def _ask(self, event: dict[str, Any], conversation: str, message: dict[str, str]) -> tuple[str, str]:
        """The whole answer and its id; the message shows what there is, once in `pace` seconds. Raises BROKEN."""
        stream = await self._pointsman.chat.completions.create(
            model=self._model,
            messages=await self._thread(event),
            stream=True,
            user=f"slack:{event['user']}",
            extra_headers={"x-message-id": event["ts"]},
            extra_body={"pointsman": {"conversation": conversation}},
        )
        text, answer_id, ended, shown = "", "", False, time.monotonic()
        async with stream:
            async for chunk in stream:
                answer_id = chunk.id
                for choice in chunk.choices:
                    text += choice.delta.content or ""
                    ended = ended or choice.finish_reason is not None
                if text and time.monotonic() - shown >= self._stream.get("pace", 1.2):
                    shown = time.monotonic()
                    with suppress(SlackRefused):  # the next edit shows it
                        await self._slack.call("chat.update", 1, **message, **_words(f"{text} {WAITING}"))
        if not ended:
            raise OpenAIError("it ended half-way")
        return text, answer_id

    async def _thread(self, event: dict[str, Any]) -> list[ChatCompletionMessageParam]:
        """What was said in the thread before, and the question; the question alone where Slack shows no more."""
        before: list[dict[str, Any]] = []
        if event.get("thread_ts"):
            with suppress(SlackRefused):
                told = await self._slack.call(
                    "conversations.replies", channel=event["channel"], ts=event["thread_ts"], limit=200
                )
                before = [one for one in told["messages"] if float(one["ts"]) < float(event["ts"])]
        turns = [_turn(one) for one in [*before[-self._stream.get("turns", 20) :], event]]
        return [turn for turn in turns if turn["content"]]

    async def _believed(self, request: Request) -> bytes | None:
        """The body, if Slack signed it lately; None otherwise."""
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST:
                return None
        stamp = request.headers.get("x-slack-request-timestamp", "")
        if not stamp.isdecimal() or abs(time.time() - int(stamp)) > OLDEST:
            return None
        right = "v0=" + hmac.new(self._secret, f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        given = request.headers.get("x-slack-signature", "")
        return body if hmac.compare_digest(right.encode(), given.encode()) else None

    def _is_new(self, event_id: str) -> bool:
        if event_id in self._seen:
            return False
        self._seen[event_id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _object(body: bytes) -> dict[str, Any]:
    """What Slack signed, as JSON; nothing where it is none."""
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _words(text: str, answer_id: str = "") -> dict[str, Any]:
    """A message's text and blocks; with the answer's id, the buttons too."""
    text = CALL.sub("<\u2060", text)
    shown = text if len(text) <= BLOCK else f"{text[:BLOCK]}…\n\n_Cut; the whole answer is in the log as {answer_id}._"
    blocks: list[dict[str, Any]] = [{"type": "markdown", "text": shown or WAITING}]
    if answer_id:
        buttons = [
            {"type": "button", "action_id": name, "value": answer_id, "text": {"type": "plain_text", "text": face}}
            for name, (face, _) in BUTTONS.items()
        ]
        blocks.append({"type": "actions", "elements": buttons})
    return {"text": _plain(text), "blocks": blocks}


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:PLAIN] or WAITING


def _turn(said: dict[str, Any]) -> ChatCompletionMessageParam:
    """A message of the thread as the model reads it; a bot's text is cut, its block is not."""
    if said.get("bot_id"):
        whole = [block["text"] for block in said.get("blocks") or [] if block.get("type") == "markdown"]
        return {"role": "assistant", "content": whole[0] if whole else _unescaped(said.get("text", ""))}
    return {"role": "user", "content": _unescaped(said.get("text", ""))}


def _unescaped(text: str) -> str:
    words = MENTION.sub("", text)
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def main() -> None:
    """Serve the bot that the settings file describes."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} SETTINGS.toml")
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = tomllib.loads(Path(sys.argv[1]).read_text())
    uvicorn.run(Bot(settings).app(), host=settings.get("host", "127.0.0.1"), port=settings.get("port", 3000))


if __name__ == "__main__":
    main()
