"""An arm's revision follows its model, its parameters and its prompts, all the way into the log's feedback."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from models.errors import UnreadableReply
from router.catalog import Catalog
from router.engine import Engine
from router.revisions import revision, version
from router.types import Feedback
from strategies.core import Constraints, Context, Strategy, load
from strategies.core.registry import Param
from strategies.core.registry import strategy as declared
from tests.router.yard import Model, asking, made, yard


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The file of a strategy, with a prompt and a fitted file."""
    there = ModuleType("a_strategy_for_the_test")
    monkeypatch.setitem(sys.modules, there.__name__, there)
    (tmp_path / "fitted.json").write_text("{}")
    there.__dict__.update(PROMPT="Think of {question}", HEADINGS=("A", "B"), FITTED=tmp_path / "fitted.json", COUNT=3)
    return there


def strategy(module: ModuleType) -> Strategy:
    """A strategy that lies in that file."""

    async def thinking(ctx: Context, *, rounds: int = 2, fitted: str = "") -> str:
        return "hm"

    thinking.__module__ = module.__name__
    return declared(calls=1)(thinking)


def test_the_revision_changes_with_model_parameters_prompts_and_fitted_files(module: ModuleType) -> None:
    asked = strategy(module)
    before = version(asked, {})
    assert version(asked, {"rounds": 2}) == before
    seen = {before, version(asked, {"rounds": 3})}
    for name, value in (("PROMPT", "Ponder {question}"), ("HEADINGS", ("A", "C"))):
        kept = module.__dict__[name]
        module.__dict__[name] = value
        seen.add(version(asked, {}))
        module.__dict__[name] = kept
    module.FITTED.write_text('{"a": 1}')
    seen.add(version(asked, {}))
    assert len(seen) == 5
    assert revision("v1", asked, {}) != revision("v2", asked, {})


def test_a_fitted_file_of_the_settings_counts_by_what_is_in_it(module: ModuleType, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    params: dict[str, Param] = {"fitted": str(own)}
    found = set()
    for content in ({"a": 1}, {"a": 2}, {"a": 1}):
        own.write_text(json.dumps(content))
        found.add(version(strategy(module), params))
    assert len(found) == 2


def test_every_strategy_of_the_package_has_a_version_of_its_own() -> None:
    versions = [version(one, {}) for one in load().values()]
    assert len(set(versions)) == len(versions)


def test_candidates_carry_the_revision_of_their_model_and_their_parameters() -> None:
    def offered(model_revision: str, panel: int) -> dict[str, str]:
        model = Model("m")
        model.__dict__["revision"] = model_revision
        known = {one.name: one for one in (made("direct"), made("panel"))}
        catalog = Catalog({"m": model}, None, {"panel": {"experts": panel}}, frozenset, {}, known=known)
        return {one.arm.strategy: one.revision for one in catalog.candidates("auto", Constraints())}

    first, retrained, reset = offered("v1", 3), offered("v2", 3), offered("v1", 4)
    assert first == offered("v1", 3)
    assert first["direct"] != first["panel"]
    assert (first["direct"] != retrained["direct"], first["panel"] != retrained["panel"]) == (True, True)
    assert (first["direct"] == reset["direct"], first["panel"] != reset["panel"]) == (True, True)


async def test_a_decision_and_what_is_learned_of_its_failure_carry_the_revision() -> None:
    def fail(ctx: Context) -> str:
        raise UnreadableReply("no")

    place = yard([Model("m")], [made("panel", fail)])
    decision = await place.engine.decide(asking("hi"), "panel@m")
    assert decision.revision == place.engine.catalog.candidates("panel@m", Constraints())[0].revision != ""
    learned: list[Feedback] = []
    _spy(place.engine, learned)
    await place.events(decision)
    assert [one.revision for one in learned] == [decision.revision]


def _spy(engine: Engine, learned: list[Feedback]) -> None:
    engine.policy.learn = learned.append  # type: ignore[assignment, method-assign]
