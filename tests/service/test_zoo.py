"""The embedded default, end to end: the zoo's own models and documents behind the official client."""

from pathlib import Path

import pytest

from models.zoo import ZOO, check, questions
from service.settings import load
from tests.service.serving import served

WEIGHTS = Path(__file__).resolve().parents[2] / "models" / "zoo" / "weights"


@pytest.mark.skipif(
    not all((WEIGHTS / name / "model.safetensors").exists() for name in ("generalist", "abacus", "reader")),
    reason="the zoo has not been trained here: python -m models.zoo train --all",
)
def test_the_zoo_answers_and_says_why(tmp_path: Path) -> None:
    settings = load(None, {}, {"store": {"url": f"sqlite:///{tmp_path / 'zoo.db'}"}})
    with served(settings) as service, service.client() as client:
        names = {model.id for model in client.models.list()}
        assert {"auto", *ZOO} <= names
        right = 0.0
        asked = list(questions("arithmetic", 12, 3))
        for question in asked:
            reply = client.chat.completions.create(
                model="direct@abacus", messages=[{"role": "user", "content": question.prompt}]
            )
            text = reply.choices[0].message.content
            assert text
            right += check(question, text)
        assert right >= 3, "the model for arithmetic cannot do any"
        told = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": asked[0].prompt}])
        assert told.model_extra
        assert told.model_extra["pointsman"]["why"]
        row = service.decision(told.id, "ok" if not told.model_extra["pointsman"].get("degraded") else "degraded")
        assert row["calls"]
