"""A conversation over HTTP keeps its arm, by its id or by the words that it brings along."""

from pathlib import Path
from typing import Any  # JSON

from tests.service.serving import Served, served, settings

MODELS = {f"m{i}": {"backend": "scripted", "extra": {"reply": f"Model {i} is well."}} for i in range(8)}


def turn(service: Served, messages: list[dict[str, str]], **wish: Any) -> dict[str, Any]:
    """One turn of a conversation."""
    body = {"model": "auto", "messages": messages, "pointsman": wish}
    reply: dict[str, Any] = service.http.post("/v1/chat/completions", json=body).raise_for_status().json()
    return reply


def arms(service: Served, **wish: Any) -> set[str]:
    """The arms that answer five turns, each with all that was said before."""
    messages: list[dict[str, str]] = []
    found = set()
    for i in range(5):
        messages.append({"role": "user", "content": f"How are you on day {i}?"})
        reply = turn(service, messages, **wish)
        found.add(reply["pointsman"]["arm"])
        messages.append(reply["choices"][0]["message"])
    return found


def test_a_conversation_keeps_its_arm_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    with served(settings(tmp_path, MODELS, router={"policy": "random", "seed": 7})) as service:
        assert len(arms(service)) == 1
        assert len(arms(service, conversation="talk")) == 1
        last = service.get("/v1/decisions", limit=1)["data"][0]
        assert (last["probability"], last["why"].startswith("The conversation goes on;")) == (1.0, True)
        alone = {
            turn(service, [{"role": "user", "content": f"How are you on day {i}?"}])["pointsman"]["arm"]
            for i in range(8)
        }
        assert len(alone) > 1
    loose = {"policy": "random", "seed": 7, "params": {"sticky": 0.0}}
    with served(settings(tmp_path, MODELS, router=loose)) as service:
        assert len(arms(service, conversation="talk")) > 1
