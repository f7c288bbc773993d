"""The embedded default, end to end: the zoo's own models and documents behind the official client."""

import time
from pathlib import Path

import pytest

from models.zoo import ZOO, questions
from service.settings import load
from tests.service.serving import served

WEIGHTS = Path(__file__).resolve().parents[2] / "models" / "zoo" / "weights"


@pytest.mark.skipif(
    not all((WEIGHTS / name / "model.safetensors").exists() for name in ZOO),
    reason="the zoo has not been trained here: python -m models.zoo train --all",
)
def test_the_zoo_answers_and_says_why(tmp_path: Path) -> None:
    settings = load(None, {}, {"store": {"url": f"sqlite:///{tmp_path / 'zoo.db'}"}})
    with served(settings) as service, service.client() as client:
        deadline = time.monotonic() + 60
        while service.get("/readyz")["documents"] != "ready":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        names = {model.id for model in client.models.list()}
        assert {"auto", *ZOO, *(f"retrieval@{name}" for name in ZOO)} <= names
        assert service.http.post("/v1/knowledge/search", json={"query": "Who was born where?"}).json()["data"]

        for question in questions("arithmetic", 3, 3):
            asked = question.prompt
            for name in ZOO:
                whole = service.ask(asked, f"direct@{name}", temperature=0, max_tokens=40).raise_for_status().json()
                text = whole["choices"][0]["message"]["content"]
                assert text.strip()
                assert whole["usage"]["completion_tokens"] > 0
                stream = client.chat.completions.create(
                    model=f"direct@{name}",
                    messages=[{"role": "user", "content": asked}],
                    stream=True,
                    temperature=0,
                    max_tokens=40,
                )
                pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
                assert "".join(pieces) == text, "greedy answers are the same whole and streamed"

        told = service.ask("What is 17 + 25?").raise_for_status().json()
        row = service.decision(told["id"], "degraded" if told["pointsman"].get("degraded") else "ok")
        assert row["calls"]
        assert set(row["propensities"]) >= {f"direct@{name}" for name in ZOO}
        assert row["outcome"]["gpu_seconds"] > 0
        assert told["pointsman"]["why"]
