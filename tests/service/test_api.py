"""The rest of the API: models, embeddings, the router's view, the log, the library, health, metrics, the page."""

import re
from pathlib import Path
from typing import Any  # JSON

import numpy as np
import pytest

from tests.service.serving import WELL, Served, served, settings


def test_models_are_auto_every_model_and_every_arm(service: Served) -> None:
    with service.client() as client:
        names = [model.id for model in client.models.list()]
        assert names == ["auto", "well", "ill", "direct@well", "direct@ill"]
        for name in names:
            assert client.models.retrieve(name).id == name


def test_what_only_some_requests_allow_is_among_the_models(tmp_path: Path) -> None:
    with served(settings(tmp_path, {"m": WELL}, strategies={"enabled": ["direct", "clarify"]})) as own:
        assert [row["id"] for row in own.get("/v1/models")["data"]] == ["auto", "m", "direct@m", "clarify@m"]
        assert own.get("/v1/models/clarify@m")["id"] == "clarify@m"


@pytest.mark.parametrize("options", [{}, {"encoding_format": "float"}])  # by itself the client asks for base64
def test_embeddings_come_through_the_official_client(service: Served, options: Any) -> None:
    texts = ["a small cat", "a little kitten", "the price of steel"]
    with service.client() as client:
        reply = client.embeddings.create(model="auto", input=texts, **options)
    rows = np.array([item.embedding for item in sorted(reply.data, key=lambda item: item.index)])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2
    assert reply.model == service.http.post("/v1/embeddings", json={"input": "x"}).json()["model"]


def test_a_route_is_a_decision_that_nobody_logs(own: Served) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": "How are you?"}]}
    decision = own.http.post("/v1/route", json=body).raise_for_status().json()
    assert sum(decision["propensities"].values()) == pytest.approx(1)
    assert decision["probability"] == decision["propensities"][decision["arm"]]
    assert set(decision["estimates"]) == set(decision["propensities"]) == {"direct@well", "direct@ill"}
    assert all(e["low"] <= e["quality"] <= e["high"] for e in decision["estimates"].values())
    assert decision["why"]
    assert own.get("/v1/decisions")["data"] == []


def test_the_log_holds_everything_about_a_decision(own: Served) -> None:
    answer = own.ask("What is the capital?", "direct@well", temperature=0.5).json()
    row = own.decision(answer["id"], "ok")
    told = str(row)
    assert row["id"] == answer["id"]
    assert row["arm"] == "direct@well"
    assert row["why"] == answer["pointsman"]["why"]
    assert row["propensities"] == {"direct@well": 1.0}
    assert set(row["estimates"]) == {"direct@well"}
    assert len(row["calls"]) == 1
    assert row["calls"][0]["model"] == "well"
    assert "What is the capital?" in str(row["calls"][0])
    assert "Paris is the capital." in str(row["calls"][0])
    assert row["feedback"] == []
    assert "neighbours" in told


def test_the_log_is_listed_newest_first_page_by_page(own: Served) -> None:
    ids = [own.ask(f"Question {i} of 100%", "direct@ill" if i % 2 else "direct@well").json()["id"] for i in range(5)]
    own.decision(ids[-1], "ok")
    first = own.get("/v1/decisions", limit=2)
    assert [row["id"] for row in first["data"]] == ids[:-3:-1]
    assert first["has_more"] is True
    second = own.get("/v1/decisions", limit=2, before=first["data"][-1]["id"])
    last = own.get("/v1/decisions", limit=2, before=second["data"][-1]["id"])
    assert [row["id"] for row in second["data"] + last["data"]] == ids[2::-1]
    assert last["has_more"] is False
    assert [row["id"] for row in own.get("/v1/decisions", arm="direct@ill")["data"]] == [ids[3], ids[1]]
    assert [row["id"] for row in own.get("/v1/decisions", q="Question 3")["data"]] == [ids[3]]
    assert len(own.get("/v1/decisions", q="100%")["data"]) == 5
    assert own.get("/v1/decisions", q="100_")["data"] == []


def test_arms_and_policies_tell_what_is_known(own: Served) -> None:
    answer = own.ask("How are you?", "direct@well").json()
    own.http.post("/v1/feedback", json={"id": answer["id"], "score": 1})
    arms = {entry["arm"]: entry for entry in own.get("/v1/arms")["data"]}
    assert set(arms) == {"direct@well", "direct@ill"}
    assert arms["direct@well"]["calls"] == 1
    assert arms["direct@well"]["cost"]["seconds"] > 0
    assert arms["direct@ill"]["cost"]["seconds"] is None
    assert (arms["direct@well"]["belief"]["n"], arms["direct@ill"]["belief"]) == (1, None)
    assert arms["direct@ill"]["regions"] == {}
    policy = own.get("/v1/policies")
    assert policy["policy"] == "layered"
    assert "direct@well" in str(policy["beliefs"])


def test_documents_come_in_are_found_and_go(own: Served) -> None:
    text = "The heron stands in the reeds. It eats fish and frogs."
    as_json = own.http.post("/v1/knowledge", json={"title": "Herons", "text": text})
    assert as_json.status_code == 201
    raw = own.http.post(
        "/v1/knowledge?title=Steel",
        content=b"# Steel\n\nSteel is iron with a little carbon.",
        headers={"content-type": "text/markdown"},
    )
    assert raw.status_code == 201
    form = own.http.post("/v1/knowledge", files={"file": ("bread.txt", b"Bread is baked from flour and water.")})
    assert form.status_code == 201, form.text
    again = own.http.post("/v1/knowledge", json={"title": "Herons", "text": text}).json()
    assert again["id"] == as_json.json()["id"], "the same document twice is one"
    listed = own.get("/v1/knowledge")["data"]
    assert [one["title"] for one in listed] == ["Herons", "Steel", "bread.txt"]
    found = own.http.post("/v1/knowledge/search", json={"query": "What do herons eat?", "k": 1}).json()["data"]
    assert "heron" in found[0]["text"]
    assert own.http.delete(f"/v1/knowledge/{listed[0]['id']}").status_code == 204
    assert own.http.delete(f"/v1/knowledge/{listed[0]['id']}").status_code == 404
    assert len(own.get("/v1/knowledge")["data"]) == 2


def test_health_readiness_and_metrics(service: Served) -> None:
    assert service.get("/healthz") == {"status": "ok"}
    ready = service.get("/readyz")
    assert (ready["status"], ready["store"], ready["models"]) == ("ready", True, ["ill", "well"])
    answer = service.ask("How are you?", "direct@ill").json()
    service.http.post("/v1/feedback", json={"id": answer["id"], "thumb": "down"})
    text = service.http.get("/metrics").text
    assert 'pointsman_decisions_total{arm="direct@ill",policy="layered",status="ok"} 1.0' in text
    assert 'pointsman_calls_total{model="ill",status="ok"} 1.0' in text
    assert 'pointsman_feedback_total{kind="thumb"} 1.0' in text
    assert re.search(r'pointsman_requests_total{method="POST",route="/v1/chat/completions",status="200"} 1.0', text)
    assert "pointsman_overhead_seconds_count 1.0" in text
    assert "pointsman_log_lost 0.0" in text


def test_the_page_needs_nothing_from_outside(service: Served) -> None:
    page = service.http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    parts = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert len(parts) >= 3
    for part in parts:
        assert part.startswith("/pages/"), "everything comes from the service itself"
        assert service.http.get(part).status_code == 200
    script = service.http.get("/pages/page.js").text
    assert "innerHTML" not in script, "words from outside go in as text"
