"""`tune` and `replay --log` on a log that the engine left: what is better is promoted, used, and can be taken back."""

import asyncio
import io
import json
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import structlog
from structlog.testing import capture_logs

from models.types import Message, Request
from router.tuning import Challenger
from router.types import Policy, RouterSettings
from service.__main__ import main
from service.commands.tune import candidates
from service.house import House, opened
from service.sections import Router, Settings
from service.settings import load
from service.versioned import Serving, serving
from store import open_store
from store.versions import Versions
from strategies.core.dispersion import Evidence
from strategies.core.gate import read
from tests.router.yard import Words
from tests.store.test_doubts import rated

MODELS = """
[strategies]
enabled = ["direct"]
[models.well]
backend = "scripted"
extra = { reply = "I am well." }
[models.ill]
backend = "scripted"
extra = { reply = "I am ill." }
"""
BATCH, BATCHES = 32, 5


def configured(folder: Path, router: str) -> Path:
    """A settings file with these lines about the router, over the database of the folder."""
    path = folder / "my.toml"
    path.write_text(
        f'[store]\nurl = "sqlite:///{folder / "test.db"}"\n[router]\nseed = 3\nquality = 1.0\n{router}{MODELS}'
    )
    return path


async def live(settings: Settings, score: Callable[[str, int], float]) -> None:
    """Traffic: in each batch the questions are answered, and then judged by arm and number."""
    async with opened(settings) as house:
        for batch in range(BATCHES):
            asked = [(await ask(house, f"Question {i % 12}?"), i) for i in range(batch * BATCH, (batch + 1) * BATCH)]
            for (decision_id, arm), i in asked:
                rated = await house.store.ratings.rate(decision_id, score(arm, i))
                house.engine.learn(rated.feedback[0])


async def ask(house: House, question: str) -> tuple[str, str]:
    """The id of the decision and its arm, once it is answered."""
    decision = await house.engine.decide(Request((Message("user", question),)))
    async for _ in house.run(decision):
        pass
    return decision.id, str(decision.arm)


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a random policy in which one arm is right nine times in ten and the other one once."""
    folder = tmp_path_factory.mktemp("clear")
    settings = load(configured(folder, 'policy = "random"\n'), {})
    with capture_logs():
        asyncio.run(live(settings, lambda arm, i: float((i % 10 == 0) != (arm == "direct@well"))))
    return folder


@pytest.fixture
def folder(clear: Path, tmp_path: Path) -> Path:
    """A copy of that log, to change."""
    shutil.copy(clear / "test.db", tmp_path / "test.db")
    configured(tmp_path, 'policy = "random"\n')
    return tmp_path


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command on the settings of a folder, in this process: its code, and what it printed."""

    def call(folder: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        code = main([*arguments, "--config", str(folder / "my.toml")])
        return code, *capsys.readouterr()

    yield call
    structlog.reset_defaults()  # the commands point it at the stderr of this test


def serves(folder: Path, router: str) -> tuple[str, int | None]:
    """What serves with these lines about the router: the policy, and the version that a decision is marked with."""

    async def look() -> tuple[str, int | None]:
        async with opened(load(configured(folder, router), {})) as house:
            decision_id, _ = await ask(house, "Question 1?")
            row = await house.store.log.decision(decision_id)
            assert row is not None
            return house.policy.name, row["policy_version"]

    with capture_logs():
        return asyncio.run(look())


def in_use(folder: Path) -> list[int]:
    """The versions that are in use, by the database itself."""
    with closing(sqlite3.connect(folder / "test.db")) as database:
        return [row[0] for row in database.execute("SELECT id FROM policy_versions WHERE promoted_at IS NOT NULL")]


def test_a_clearly_better_policy_is_promoted_and_serves_unless_the_settings_name_another(
    folder: Path, run: Run
) -> None:
    code, out, _ = run(folder, "tune", "--policy", "nearest", "--apply", "--json")
    told = json.loads(out)
    assert (code, told["promoted"], told["best"]) == (0, 1, "nearest")
    gain = told["policies"][0]["gain"]["dr"]
    assert 0.1 < gain["low"] < gain["value"] < 0.6
    assert told["baseline"]["policy"] == "random"
    assert serves(folder, "") == ("nearest", 1)
    assert serves(folder, 'policy = "random"\n') == ("random", None)


def test_without_apply_nothing_changes_and_everything_is_reported(folder: Path, run: Run) -> None:
    code, out, _ = run(folder, "tune", "--policy", "nearest")
    assert code == 0
    assert "160 judged decisions with a choice between arms, the later 107 of them held out." in out
    assert "gain over random (in use) [90.0 %]" in out
    assert re.search(r"nearest +\d+\.\d \[\d+\.\d, \d+\.\d\] ", out)
    assert "nearest passes the gate; --apply would promote it." in out
    assert "user: right" in out
    assert re.search(r"\d\.\d{3} s on average over \d+ runs", out)
    assert "0 judged answers went through a gate: too few to fit one." in out
    assert in_use(folder) == []


def test_a_policy_that_is_no_better_is_not_promoted(tmp_path: Path, run: Run) -> None:
    settings = load(configured(tmp_path, 'policy = "random"\n'), {})
    with capture_logs():
        asyncio.run(live(settings, lambda arm, i: float(i % 2)))
    code, out, _ = run(tmp_path, "tune", "--apply", "--policy", "thompson")
    assert code == 0
    assert "Nothing is promoted: no gain has a lower bound above zero." in out
    assert in_use(tmp_path) == []


def test_what_is_promoted_serves_with_the_parameters_it_was_measured_with(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(folder, "")
    keep(folder / "test.db", '{"policy": "random", "params": {"strength": 4, "floor": 0.5}}')
    opened_with: list[Mapping[str, float]] = []
    opening = Challenger.open

    def open_and_tell(self: Challenger, base: RouterSettings) -> Policy:
        opened_with.append(self.settings(base).params if self.policy == "nearest" else {})
        return opening(self, base)

    monkeypatch.setattr(Challenger, "open", open_and_tell)
    code, out, _ = run(folder, "tune", "--policy", "nearest", "--apply", "--json")
    told = json.loads(out)
    assert (code, told["best"], told["promoted"]) == (0, "nearest", 2)
    assert told["baseline"]["policy"] == "random floor=0.5 strength=4"
    assert opened_with
    assert not any(opened_with)
    store = open_store(f"sqlite:///{folder / 'test.db'}", Words())
    assert serving(Router(), store.policies).settings.params == {}
    asyncio.run(store.close())


def test_variants_change_one_parameter_of_what_is_in_use_and_are_kept_whole() -> None:
    own = Challenger("thompson", {"strength": 4.0, "floor": 0.5})
    found = [one.params for one in candidates(Serving(RouterSettings(), own, 1)) if one.policy == "thompson"]
    assert {"strength": 4.0, "floor": 0.5, "regions": 32} in found
    assert {"strength": 1.0, "floor": 0.5} in found
    assert own.params not in found


def test_a_log_with_damaged_rows_is_read_without_them(folder: Path, run: Run) -> None:
    with closing(sqlite3.connect(folder / "test.db")) as database, database:
        ids = [row[0] for row in database.execute("SELECT id FROM decisions ORDER BY at")]
        nan = np.full(384, np.nan, dtype="<f4").tobytes()
        for i, damage in enumerate((b"", bytes(8), nan, bytes(4 * 384))):
            database.execute("UPDATE queries SET embedding = ? WHERE id = ?", (damage, ids[i]))
        for i, column in enumerate(("estimates", "propensities", "at", "arm"), 4):
            database.execute(f"UPDATE decisions SET {column} = 'nonsense' WHERE id = ?", (ids[i],))
    for command in (("tune", "--policy", "nearest", "--json"), ("replay", "--log", "--policy", "nearest", "--json")):
        code, out, err = run(folder, *command)
        assert code == 0, err
        assert "decisions that cannot be read left out" in err
        assert json.loads(out)["decisions"] == BATCH * BATCHES - 8


def test_a_version_is_rolled_back_to_another_one_or_to_the_settings(folder: Path, run: Run) -> None:
    keep(folder / "test.db", '{"policy": "thompson", "params": {"strength": 4}}')
    keep(folder / "test.db", '{"policy": "nearest", "params": {}}')
    assert run(folder, "tune", "--rollback", "1")[0] == 0
    assert in_use(folder) == [1]
    code, out, _ = run(folder, "tune", "--rollback", "0")
    assert (code, in_use(folder)) == (0, [])
    assert "what the settings say" in out
    code, _, err = run(folder, "tune", "--rollback", "7")
    assert code == 2
    assert "there is no policy version 7; there are: 1, 2" in err


def test_replay_log_tells_what_policies_would_have_been_worth(folder: Path, run: Run) -> None:
    code, out, _ = run(folder, "replay", "--log", "--policy", "random,thompson", "--json")
    told = json.loads(out)
    assert code == 0
    assert [one["policy"] for one in told["policies"]] == ["thompson", "random"]
    assert (told["baseline"]["policy"], told["decisions"]) == (None, BATCH * BATCHES)
    values = told["policies"][0]["values"]
    assert set(values) == {"dr", "snips", "ips", "dm"}
    assert values["dr"]["low"] < 0.9 < values["dr"]["high"] + 0.1
    assert told["policies"][0]["ess"] > 30


def test_too_little_feedback_says_how_much_is_needed(tmp_path: Path, run: Run) -> None:
    configured(tmp_path, "")
    for command in (("tune", "--apply"), ("replay", "--log")):
        code, out, err = run(tmp_path, *command)
        assert (code, out) == (2, "")
        assert "the log holds 0 judged decisions" in err
        assert "at least 100 are needed" in err


def test_a_log_without_propensities_promotes_nobody_and_says_why(folder: Path, run: Run) -> None:
    with closing(sqlite3.connect(folder / "test.db")) as database, database:
        database.execute("UPDATE decisions SET propensities = '{}'")
    code, out, _ = run(folder, "tune", "--policy", "nearest", "--apply", "--json")
    told = json.loads(out)
    assert (code, told["promoted"], told["best"]) == (0, None, None)
    assert told["notes"] == ["no propensities: values are the reward model's alone"]
    (row,) = told["policies"]
    assert row["warnings"] == ["no propensities: model only, not promoted"]
    assert (set(row["values"]), row["better"]) == ({"dm"}, False)
    assert row["values"]["dm"]["value"] > 0.3
    assert in_use(folder) == []
    assert serves(folder, 'policy = "nearest"\n') == ("nearest", None)


def test_a_log_too_short_for_policies_still_tells_of_the_rest(folder: Path, run: Run) -> None:
    with closing(sqlite3.connect(folder / "test.db")) as database, database:
        database.execute("DELETE FROM feedback WHERE id > 60")
    code, out, _ = run(folder, "tune", "--apply")
    assert code == 0
    assert "Policies are not compared: the log holds 60 judged decisions" in " ".join(out.split())
    assert "user: right" in out
    assert "No policy is promoted." in out
    code, out, _ = run(folder, "tune", "--json")
    told = json.loads(out)
    assert (code, told["policies"], told["best"], told["promoted"]) == (0, [], None, None)
    assert "at least 100 are needed" in told["notes"][0]


def cascades(folder: Path, gates: Path) -> None:
    """Forty answers in the log of which the shipped gate is sure, and of which three in four were wrong."""

    async def tell() -> None:
        store = open_store(f"sqlite:///{folder / 'test.db'}", Words())
        for i in range(40):
            await rated(store, float(i % 4 == 0), var_conf=1.0, ent_conf=1.0, logprob=0.0)
        await store.close()

    with capture_logs():
        asyncio.run(tell())
    path = configured(folder, 'policy = "random"\n')
    path.write_text(f'{path.read_text()}[strategies.cascade]\nfitted = "{gates}"\n')


def test_a_gate_that_is_better_is_kept_where_the_settings_say_and_only_with_apply(folder: Path, run: Run) -> None:
    gates = folder / "gates.json"
    cascades(folder, gates)
    code, out, _ = run(folder, "tune", "--policy", "thompson")
    assert code == 0
    wanted = r"small, by logprobs: log loss (\S+) before, (\S+) after on 40 answers; .*: better\."
    found = re.search(wanted, " ".join(out.split()))
    assert found is not None
    assert float(found[1]) > 2 * float(found[2])
    assert not gates.exists()
    code, out, _ = run(folder, "tune", "--policy", "thompson", "--apply", "--json")
    assert f"Kept in {gates}: small." in json.loads(out)["fitted"][2]["lines"]
    gate = read(gates)["small"].by_source["logprobs"]
    assert gate.rows == 40
    assert gate.confidence(Evidence("logprobs", 1.0, 1.0, 0.0, 2.0)) < 0.5
    _, out, _ = run(folder, "tune", "--policy", "thompson", "--apply")
    assert "not better than chance" in " ".join(out.split())
    assert "Kept in" not in out


def test_gates_that_cannot_be_read_or_kept_are_said_and_nothing_else_is_lost(folder: Path, run: Run) -> None:
    gates = folder / "gates.json"
    cascades(folder, folder / "nowhere" / "gates.json")
    code, out, _ = run(folder, "tune", "--policy", "thompson", "--apply")
    assert code == 0
    assert "Not kept: " in out
    assert "cannot be written" in " ".join(out.split())
    gates.write_text("no gates")
    cascades(folder, gates)
    code, out, _ = run(folder, "tune", "--policy", "thompson", "--apply")
    assert code == 0
    assert "gates.json holds no gates of cascades" in " ".join(out.split())
    assert gates.read_text() == "no gates"


def test_an_unknown_policy_is_refused(folder: Path, run: Run) -> None:
    for command in (("tune",), ("replay", "--log")):
        code, _, err = run(folder, *command, "--policy", "oracle")
        assert code == 2
        assert "'oracle' is unknown; there are" in err


def keep(database: Path, fitted: str) -> None:
    """Write a version in use into the table, whatever it holds."""
    at = "2026-01-01 00:00:00.000000"
    with closing(sqlite3.connect(database)) as open_one, open_one:
        row = (at, "nearest", fitted, "{}", at)
        open_one.execute(
            "INSERT INTO policy_versions (at, policy, fitted, report, promoted_at) VALUES (?, ?, ?, ?, ?)", row
        )


@pytest.fixture
def versions(tmp_path: Path) -> Iterator[tuple[Versions, Path]]:
    """The versions of an empty database, and where it lies."""
    store = open_store(f"sqlite:///{tmp_path / 'own.db'}", Words())
    yield store.policies, tmp_path / "own.db"
    asyncio.run(store.close())


@pytest.mark.parametrize(
    "fitted",
    [
        "no json",
        "[1, 2]",
        '{"policy": "gone_with_the_wind", "params": {}}',
        '{"policy": "nearest", "params": {"k": "many"}}',
        '{"policy": "thompson", "params": {"strength": -1}}',
    ],
)
def test_a_version_that_cannot_be_used_is_passed_over_and_that_is_said(
    versions: tuple[Versions, Path], fitted: str
) -> None:
    keep(versions[1], fitted)
    with capture_logs() as told:
        found = serving(Router(params={"floor": 0.1}), versions[0])
    assert (found.version, found.settings) == (None, Router(params={"floor": 0.1}).spec())
    assert [line["log_level"] for line in told] == ["warning"]
    assert "is not used" in told[0]["event"]


def test_a_versions_parameters_go_over_those_of_the_settings(versions: tuple[Versions, Path]) -> None:
    keep(versions[1], '{"policy": "thompson", "params": {"strength": 4}}')
    found = serving(Router(params={"strength": 3.0, "floor": 0.1}), versions[0])
    assert (found.version, found.settings.policy) == (1, "thompson")
    assert found.settings.params == {"strength": 4.0, "floor": 0.1}
    assert str(found.challenger) == "thompson strength=4"
    with capture_logs() as told:
        assert serving(Router(policy="random"), versions[0]).version is None
    assert "the settings name the policy" in told[0]["event"]
