"""Keys from the command line while the service runs: what each may do, how often, how much, and until when."""

import time
from asyncio import TaskGroup
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any  # JSON

import httpx
import openai
import pytest
import structlog
from prometheus_client import Counter
from starlette.responses import PlainTextResponse

from models.errors import QuotaExceeded
from service import keys as guarding
from service.__main__ import main
from service.app import create_app
from service.gate import Gate
from service.hosts import Hosts
from service.keys import Caller, Guard
from service.quotas import Rate
from service.sections import Settings
from service.settings import load
from store.keys import Key, digest_of, opened_keys
from strategies.core import Constraints
from tests.service.serving import Served, served, settings

OWN = "a-key-of-the-settings"
COUNTED = ("route", "method", "status")
PRICED = {"backend": "scripted", "usd_per_1m_in": 1000.0, "usd_per_1m_out": 1000.0, "extra": {"reply": "I am well."}}


class Yard:
    """A service that wants keys, and the command that makes them on its database."""

    def __init__(self, service: Served, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.service, self._db, self._capsys = service, f"sqlite:///{folder / 'test.db'}", capsys

    def command(self, *words: str) -> str:
        """What `keys` prints on stdout."""
        self._capsys.readouterr()
        assert main(["keys", *words, "--db", self._db]) == 0
        return self._capsys.readouterr().out.strip()

    def create(self, *flags: str) -> str:
        """A new key."""
        return self.command("create", "somebody", *flags)

    def call(self, key: str, path: str = "/v1/models", json: Mapping[str, Any] | None = None) -> httpx.Response:
        """A request with this key."""
        headers = {"authorization": f"Bearer {key}"}
        return self.service.http.request("GET" if json is None else "POST", path, json=json, headers=headers)

    def ask(self, key: str, model: str = "auto", **more: Any) -> httpx.Response:
        """A question with this key."""
        asked = [{"role": "user", "content": "How are you?"}]
        return self.call(key, "/v1/chat/completions", {"model": model, "messages": asked, **more})

    def until(self, key: str, status: int, ask: Callable[[str], httpx.Response]) -> httpx.Response:
        """The first reply with this status; the service hears of other processes within seconds."""
        deadline = time.monotonic() + 10
        while (reply := ask(key)).status_code != status:
            assert time.monotonic() < deadline, reply.text
            time.sleep(0.05)
        return reply


@pytest.fixture
def yard(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    monkeypatch.setattr(guarding, "EVERY", 0.2)
    monkeypatch.setattr(guarding, "AGAIN", 0.05)
    with served(settings(tmp_path, {"well": PRICED, "ill": PRICED}, server={"api_keys": [OWN]})) as running:
        yield Yard(running, tmp_path, capsys)
    structlog.reset_defaults()


def refused(reply: httpx.Response, status: int, code: str) -> str:
    """The message of a refusal; checks its shape."""
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    return str(error["message"])


def test_a_key_works_as_soon_as_it_is_made_and_not_long_after_it_is_revoked(yard: Yard) -> None:
    key = yard.create()
    assert key.startswith("pm-")
    assert len(key) == 3 + 8 + 32
    assert yard.ask(key).status_code == 200
    assert key[:11] in yard.command("list")
    assert key not in yard.command("list")
    yard.command("revoke", key[:11])
    assert "revoked" in refused(yard.until(key, 401, yard.ask), 401, "invalid_api_key")
    assert "revoked" in yard.command("list")
    assert yard.ask(OWN).status_code == 200


def test_the_first_key_closes_an_open_service_and_revoking_it_opens_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "EVERY", 0.1)
    with served(settings(tmp_path)) as running:
        yard = Yard(running, tmp_path, capsys)
        assert running.http.get("/v1/models").status_code == 200
        key = yard.create()
        assert yard.until("", 401, lambda _: running.http.get("/v1/models"))
        assert yard.call(key).status_code == 200
        yard.command("revoke", key[:11])
        yard.until(key, 401, yard.call)
        assert running.http.get("/v1/models").status_code == 401


@pytest.mark.parametrize(
    ("scope", "opens"),
    [
        ("chat", {"/v1/models", "/models"}),
        ("read", {"/v1/decisions", "/v1/policies", "/v1/arms", "/metrics", "/openapi.json"}),
        ("knowledge", {"/v1/knowledge"}),
        ("feedback", set[str]()),
        ("admin", {"/v1/models", "/models", "/v1/decisions", "/v1/policies", "/v1/arms", "/metrics", "/v1/knowledge"}),
    ],
)
def test_a_scope_opens_its_own_routes_alone(yard: Yard, scope: str, opens: set[str]) -> None:
    key = yard.create("--scopes", scope)
    asked = {"/v1/models", "/v1/decisions", "/v1/policies", "/v1/arms", "/metrics", "/v1/knowledge", "/v1/none"}
    for path in sorted(asked | opens):
        reply = yard.call(key, path)
        if path in opens:
            assert reply.status_code in (200, 404), f"{path}: {reply.text}"  # /models only where paths are rewritten
        elif scope == "admin":
            assert reply.status_code == 404
        else:
            assert scope in refused(reply, 403, "permission_denied")
    judged = yard.call(key, "/v1/feedback", {"id": "chatcmpl-none", "score": 1})
    assert judged.status_code == (404 if scope in ("feedback", "admin") else 403)
    assert yard.ask(key).status_code == (200 if scope in ("chat", "admin") else 403)


def test_a_key_for_some_models_asks_no_other(yard: Yard) -> None:
    key = yard.create("--models", "well")
    for _ in range(6):
        assert yard.ask(key).json()["pointsman"]["model"] == "well"
    assert yard.ask(key, "well").status_code == 200
    assert yard.ask(key, "direct@well").status_code == 200
    for model in ("ill", "direct@ill", "nobody"):
        assert "well" in refused(yard.ask(key, model), 403, "permission_denied")
    refused(yard.ask(key, pointsman={"models": ["ill"]}), 403, "permission_denied")
    assert yard.ask(key, pointsman={"models": ["ill", "well"]}).json()["pointsman"]["model"] == "well"


def test_a_key_for_some_models_sees_no_other(yard: Yard) -> None:
    key = yard.create("--models", "well")
    seen = {entry["id"] for entry in yard.call(key).json()["data"]}
    assert {"auto", "well", "direct@well"} <= seen
    assert all(name == "auto" or name.endswith("well") for name in seen)
    for name in seen:
        assert yard.call(key, f"/v1/models/{name}").status_code == 200
    for name in ("ill", "direct@ill"):
        refused(yard.call(key, f"/v1/models/{name}"), 404, "model_not_found")
        assert yard.call(OWN, f"/v1/models/{name}").status_code == 200


def test_no_error_names_a_model_that_the_key_may_not_ask(yard: Yard) -> None:
    key = yard.create("--models", "well")
    for model in ("auto@x", "x@well"):
        told = refused(yard.ask(key, model), 404, "model_not_found")
        assert "MODEL well and" in told
        assert "ill" not in told.replace("well", "")
        assert "ill | well" in refused(yard.ask(OWN, model), 404, "model_not_found")


def test_a_key_goes_on_with_those_of_its_models_that_are_there(yard: Yard) -> None:
    key = yard.create("--models", "well,gone")
    assert yard.ask(key).json()["pointsman"]["model"] == "well"
    assert "MODEL well and" in refused(yard.ask(key, "gone"), 404, "model_not_found")
    gone = yard.create("--models", "gone")
    assert "gone only" in refused(yard.until(gone, 403, yard.ask), 403, "permission_denied")
    assert "gone only" in refused(yard.ask(gone, "auto@x"), 403, "permission_denied")


def test_readiness_names_the_models_to_those_who_may_know_them(yard: Yard) -> None:
    everything = ["ill", "well"]
    named = {"nobody's": 2, OWN: everything, yard.create(): everything, yard.create("--models", "ill"): ["ill"]}
    named |= {yard.create("--scopes", "read"): everything, yard.create("--scopes", "feedback"): 2}
    revoked = yard.create()
    yard.until(revoked, 200, yard.call)  # then those before it are known as well
    yard.command("revoke", revoked[:11])
    yard.until(revoked, 401, yard.call)
    for key, models in {**named, revoked: 2}.items():
        reply = yard.call(key, "/readyz")
        assert (reply.status_code, reply.json()["models"]) == (200, models)
    assert yard.service.get("/readyz")["models"] == 2


async def test_readiness_names_no_model_at_fault_to_strangers(tmp_path: Path) -> None:
    chosen = settings(tmp_path, {"well": PRICED}, server={"api_keys": [OWN]})

    def wrong() -> Settings:
        return load(tmp_path / "wrong.toml", {})

    (tmp_path / "wrong.toml").write_text('[models.hidden]\nbackend = "scripted"\nretries = -1\n')
    app = create_app(chosen, wrong, restarted=True)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://box") as http:
        for key, at_fault in (("nobody's", "models"), (OWN, "models.hidden.retries")):
            told = (await http.get("/readyz", headers={"authorization": f"Bearer {key}"})).json()["settings"]
            assert (told["refused"], told["setting"]) == (True, at_fault)
    structlog.reset_defaults()


def test_a_rate_is_told_in_headers_and_kept(yard: Yard) -> None:
    key = yard.create("--requests-per-minute", "2")
    first, second, third = yard.ask(key), yard.ask(key), yard.ask(key)
    assert [one.headers["x-ratelimit-limit-requests"] for one in (first, second)] == ["2", "2"]
    assert [one.headers["x-ratelimit-remaining-requests"] for one in (first, second)] == ["1", "0"]
    refused(third, 429, "rate_limit_exceeded")
    assert 1 <= int(third.headers["retry-after"]) <= 30
    with yard.service.client(key) as client, pytest.raises(openai.RateLimitError, match="2 requests per minute"):
        client.models.list()
    assert "x-ratelimit-limit-requests" not in yard.ask(OWN).headers


@pytest.mark.parametrize("flag", ["--usd", "--tokens"])
def test_a_budget_that_is_used_up_stops_the_next_question_at_once(yard: Yard, flag: str) -> None:
    key = yard.create(flag, "1" if flag == "--tokens" else "0.000001", "--period", "day")
    assert yard.ask(key).status_code == 200
    reply = yard.ask(key)
    assert "is used up" in refused(reply, 429, "insufficient_quota")
    assert 1 <= int(reply.headers["retry-after"]) <= 86_400
    assert reply.headers["x-should-retry"] == "false"
    body = {"messages": [{"role": "user", "content": "How are you?"}]}
    refused(yard.call(key, "/v1/route", body), 429, "insufficient_quota")
    assert yard.call(key).status_code == 200, "what costs nothing goes on"
    deadline = time.monotonic() + 10
    while " 6 tokens" not in yard.command("list"):  # as soon as the log holds the run
        assert time.monotonic() < deadline


def test_a_budget_in_all_names_no_time_and_outlives_a_restart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = settings(tmp_path, {"well": PRICED}, server={"api_keys": [OWN]})
    with served(chosen) as running:
        yard = Yard(running, tmp_path, capsys)
        key = yard.create("--tokens", "1", "--period", "total")
        assert yard.ask(key).status_code == 200
    with served(chosen) as running:
        reply = Yard(running, tmp_path, capsys).ask(key)
        refused(reply, 429, "insufficient_quota")
        assert "retry-after" not in reply.headers


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--scopes", "chat,all"), "'all'"),
        (("--scopes", ","), "--scopes"),
        (("--usd", "0"), "--usd"),
        (("--usd", "nan"), "--usd"),
        (("--tokens", "-1"), "--tokens"),
        (("--expires-days", "1e6"), "--expires-days"),
    ],
)
def test_limits_that_cannot_be_meant_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], word: str
) -> None:
    assert main(["keys", "create", "x", *flags, "--db", f"sqlite:///{tmp_path / 'a.db'}"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert word in err


# --- The guard alone


def test_a_caller_of_all_models_wishes_what_it_likes() -> None:
    wish = Constraints(models=("a",), quality=0.3)
    assert Caller("x").constraints(wish, "b") is wish
    assert Caller("x", ("a", "b")).constraints(Constraints(), "auto@direct").models == ("a", "b")


def test_a_bucket_fills_with_time_and_never_above_its_rim() -> None:
    rate = Rate(60, 1.0, 100.0)
    rate.take(100.0)
    with pytest.raises(QuotaExceeded) as caught:
        rate.take(100.5)
    assert "wait 0.5" in str(caught.value)
    rate.take(101.0)
    rate.take(10_000.0)
    assert rate.left == 59.0


@pytest.mark.parametrize("known", [True, False])
async def test_all_first_requests_of_a_new_key_that_come_together_are_answered_alike(
    tmp_path: Path, known: bool
) -> None:
    token, guard = "pm-newly-made", Guard([OWN])
    gate = Gate(PlainTextResponse("Well."), guard, Hosts(), 1000, Counter("asked", "", COUNTED, registry=None))
    with opened_keys(f"sqlite:///{tmp_path / 'keys.db'}") as keys:
        await guard.open(keys)
        if known:
            keys.add(Key("pm-new", "new", digest_of(token), ("chat",)))
        headers, transport = {"authorization": f"Bearer {token}"}, httpx.ASGITransport(gate)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client, TaskGroup() as group:
            asked = [group.create_task(client.get("/v1/models", headers=headers)) for _ in range(5)]
        await guard.close()
    assert [task.result().status_code for task in asked] == [200 if known else 401] * 5


def test_a_look_at_a_key_takes_less_than_50_microseconds() -> None:
    guard = Guard(["one-key-of-settings"])
    key = Key("pm-x", "x", digest_of("pm-secret"), ("chat",), ("a",), 10**9, "month", None, None, None)
    guard._known, guard._ever = {key.digest: (key, Caller("pm-x", ("a",)))}, 1
    guard._rates["pm-x"] = Rate.full(10**9)
    best = min(_timed(guard) for _ in range(5))
    assert best < 50e-6, f"{best * 1e6:.1f} microseconds"


def _timed(guard: Guard, times: int = 500) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        guard.admit("Bearer pm-secret", "POST", "/v1/chat/completions")
    return (time.perf_counter() - begun) / times
