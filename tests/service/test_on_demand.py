"""A service with more models than it has memory for: they take turns, and the router knows which one is loaded."""

from pathlib import Path

from models.memory import GB, LEDGER
from tests.models.tiny import write_tiny
from tests.service.serving import served, settings


def test_models_that_do_not_fit_together_answer_in_turn(tmp_path: Path) -> None:
    models = {}
    for seed, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        folder = write_tiny(tmp_path / name, seed=seed)
        models[name] = {"backend": "in_process", "path": str(folder), "device": "cpu", "load": "demand", "timeout": 30}
    size = sum(path.stat().st_size for path in (tmp_path / "one").glob("*.safetensors"))
    server = {"model_memory_gb": 3 * size / GB}
    with served(settings(tmp_path, models, server=server)) as running:
        assert LEDGER.held("cpu") == {}
        for name in ("one", "two", "one"):
            reply = running.ask("Hi", model=f"direct@{name}", max_tokens=3).raise_for_status().json()
            assert reply["usage"]["completion_tokens"] > 0
            assert list(LEDGER.held("cpu")) == [name]
        route = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}], "pointsman": {"max_seconds": 1000}}
        chosen = running.http.post("/v1/route", json=route).raise_for_status().json()
        other = "two is loaded first" if chosen["arm"] == "direct@two" else "Not loaded: two"
        assert other in chosen["why"]
    assert LEDGER.held("cpu") == {}
