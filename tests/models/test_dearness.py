"""Which model is the dearest: the first measure that is known of all decides."""

from pathlib import Path

from models.backend import ModelSpec
from models.dearness import dearest
from models.limits import limit
from models.scripted import Scripted


def priced(name: str, **told: float | str) -> Scripted:
    return limit(Scripted(name, "so"), ModelSpec("scripted", **told))  # type: ignore[return-value,arg-type]  # as the settings make them


def test_dollars_come_before_gpu_seconds() -> None:
    own = priced("own", usd_per_1m_out=1.0, gpu_seconds_per_1k=1.0)
    peers = {
        "cheap": priced("cheap", usd_per_1m_out=2.0, gpu_seconds_per_1k=9.0),
        "dear": priced("dear", usd_per_1m_in=2.0, usd_per_1m_out=4.0, gpu_seconds_per_1k=2.0),
    }
    assert dearest(own, peers) == "dear"


def test_a_measure_that_one_model_lacks_does_not_count() -> None:
    own = priced("own", usd_per_1m_out=1.0, gpu_seconds_per_1k=1.0)
    peers = {"a": priced("a", usd_per_1m_out=9.0, gpu_seconds_per_1k=2.0), "b": priced("b", gpu_seconds_per_1k=3.0)}
    assert dearest(own, peers) == "b"


def test_nobody_is_dearer_than_the_dearest_and_equals_are_asked() -> None:
    peers = {"a": priced("a", gpu_seconds_per_1k=2.0), "b": priced("b", gpu_seconds_per_1k=2.0)}
    assert dearest(priced("own", gpu_seconds_per_1k=3.0), peers) is None
    assert dearest(priced("own", gpu_seconds_per_1k=2.0), peers) == "a"


def test_size_on_disk_stands_for_what_no_price_tells(tmp_path: Path) -> None:
    for name, size in (("small", 10), ("large", 30), ("middle", 20)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"x" * size)
    small, large, middle = (priced(name, path=str(tmp_path / name)) for name in ("small", "large", "middle"))
    assert dearest(small, {"middle": middle, "large": large}) == "large"
    assert dearest(large, {"middle": middle, "small": small}) is None


def test_where_nothing_is_known_the_first_peer_is_taken_and_without_peers_none() -> None:
    own, a, b = (Scripted(name, "so") for name in ("own", "a", "b"))
    assert dearest(own, {"a": a, "b": b}) == "a"
    assert dearest(own, {}) is None
