"""`replay --table` as a person runs it: what it prints, in which shape, what it draws, and what it refuses."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON

import pytest
import structlog
from PIL import Image

from router.policies import policies
from service.__main__ import main

KINDS = ("What is {i} plus {i}?", "Name the capital city of country number {i}.")
SHAPE = {"policy", "score", "gain", "se", "share_of_headroom", "cost", "decisions_per_second", "worst_domain_gain"}


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for embeddings that the tests of this file share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(cache: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `replay` in this process."""

    def call(*arguments: str) -> Done:
        code = main(["replay", "--cache", str(cache), *arguments])
        structlog.reset_defaults()  # the command points it at the stderr of this test
        return Done(code, *capsys.readouterr())

    return call


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two kinds of questions, each with an arm that is right on it; the dear arm is right on some of the others too."""
    return written(tmp_path / "table.csv", ("cost_usd",), ("0.001", "0.01"))


def written(path: Path, more: Sequence[str], costs: Sequence[str]) -> Path:
    """A table of sixty questions with these columns of costs, for the cheap arm and the dear one."""
    lines = [",".join(("query_id", "query", "model", "score", "domain", *more))]
    for i in range(60):
        right = (i % 2 == 0, i % 2 == 1 or i % 6 == 0)
        for model, score, cost in zip(("cheap", "dear"), right, costs, strict=True):
            cells = (f"q{i}", f'"{KINDS[i % 2].format(i=i)}"', model, str(int(score)), ("sums", "cities")[i % 2])
            lines.append(",".join((*cells, *([cost] if more else []))))
    path.write_text("\n".join(lines) + "\n")
    return path


def told(done: Done) -> dict[str, Any]:
    """The object that was printed."""
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_json_has_the_shape_that_is_promised(run: Run, table: Path) -> None:
    found = told(run("--table", str(table), "--policy", "fixed,thompson", "--json"))
    assert {"table", "queries", "arms", "best_single", "oracle", "policies"} <= set(found)
    assert (found["queries"], found["arms"], found["oracle"]) == (60, 2, 1.0)
    assert found["best_single"] == {"arm": "direct@dear", "score": pytest.approx(40 / 60)}
    assert [row["policy"] for row in found["policies"]] == ["fixed", "thompson"]
    fixed, thompson = found["policies"]
    for row in (fixed, thompson):
        assert set(row) >= SHAPE | {"apgr", "cpt50", "cpt80"}
        assert "regret_curve" not in row
    assert (fixed["gain"], fixed["se"]) == (0.0, 0.0)
    assert fixed["cost"] == pytest.approx(0.01)
    assert thompson["gain"] == pytest.approx(thompson["score"] - found["best_single"]["score"])
    assert thompson["gain"] > 0.2
    assert thompson["se"] > 0
    assert thompson["cost"] < 0.01
    assert found["cost_unit"] == "usd"


def test_bandit_feedback_adds_a_curve_of_regret(run: Run, table: Path) -> None:
    asked = ("--table", str(table), "--policy", "random", "--feedback", "bandit", "--folds", "2", "--json")
    (row,) = told(run(*asked))["policies"]
    assert row["regret_curve"][-1]["queries"] == 30
    assert row == told(run(*asked))["policies"][0] | {"decisions_per_second": row["decisions_per_second"]}
    other = told(run(*asked, "--seed", "8"))["policies"][0]
    assert other["regret_curve"] != row["regret_curve"]


def test_the_table_is_for_people_and_the_progress_goes_to_stderr(run: Run, table: Path) -> None:
    done = run("--table", str(table), "--policy", "random,fixed")
    assert done.code == 0
    assert "table.csv: 60 queries, 2 arms; 5 folds" in done.out
    assert "Best single arm direct@dear: 66.7; oracle: 100.0." in done.out
    lines = [line.split()[0] for line in done.out.splitlines() if line.startswith(("fixed", "random"))]
    assert lines == ["fixed", "random"] * 2  # best first, in the table of gains and in that of costs
    assert "embedding" in done.err
    assert "fixed" in done.err
    assert "embedding" not in done.out


def test_every_policy_is_replayed_where_none_is_named(run: Run, table: Path) -> None:
    found = told(run("--table", str(table), "--limit", "40", "--folds", "2", "--json"))
    assert found["queries"] == 40
    assert {row["policy"] for row in found["policies"]} == set(policies())


def test_leaving_out_domains_judges_each_after_learning_the_others(run: Run, table: Path) -> None:
    found = told(run("--table", str(table), "--policy", "fixed", "--holdout", "domain", "--json"))
    assert (found["folds"], found["holdout"]) == (2, "domain")
    # on sums the dear arm looks best from cities, where it is always right, and the other way round
    assert found["best_single"]["score"] == pytest.approx((10 + 0) / 60)


@pytest.mark.parametrize(("feedback", "more"), [("full", ("cost_usd",)), ("full", ()), ("bandit", ())])
def test_a_plot_is_drawn(run: Run, tmp_path: Path, feedback: str, more: Sequence[str]) -> None:
    table = written(tmp_path / "table.csv", more, ("0.001", "0.01"))
    picture = tmp_path / "out.png"
    asked = ("--policy", "fixed,thompson", "--feedback", feedback, "--folds", "2", "--plot", str(picture))
    done = run("--table", str(table), *asked)
    assert done.code == 0, done.err
    with Image.open(picture) as image:
        assert image.size == (960, 600)
        assert len(image.convert("RGB").getcolors(100_000) or ()) > 20


def test_embeddings_are_kept_between_replays(run: Run, table: Path, cache: Path) -> None:
    run("--table", str(table), "--policy", "fixed")
    kept = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")}
    assert kept
    run("--table", str(table), "--policy", "fixed")
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")} == kept


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--policy", "nobody"), "'nobody' is unknown; there are"),
        (("--folds", "1"), "1 folds"),
        (("--limit", "1"), "limit = 1"),
        (("--quality", "1.5"), "quality = 1.5"),
        (("--train", "0"), "train = 0"),
        (("--plot", "nowhere/out.png"), "'nowhere'"),
        (("--plot", "out.txt"), "'out.txt'"),
    ],
)
def test_what_cannot_be_meant_ends_with_2_and_one_line(
    run: Run, table: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run("--table", str(table), *arguments)
    assert done.code == 2
    assert words in done.err
    assert done.err.strip().splitlines()[-1].startswith("pointsman: ")
    assert "embedding" not in done.err  # it is said before the work begins
    assert done.out == ""


def test_a_plot_of_many_arms_without_costs_shows_the_gains_alone(run: Run, tmp_path: Path) -> None:
    rows = [
        "query_id,query,model,score",
        *(f"q{i},What {i}?,{m},{int((i + k) % 3 > 0)}" for i in range(9) for k, m in enumerate("abc")),
    ]
    (tmp_path / "bare.csv").write_text("\n".join(rows))
    picture = tmp_path / "out.svg"
    done = run(
        "--table", str(tmp_path / "bare.csv"), "--policy", "fixed,random", "--folds", "3", "--plot", str(picture)
    )
    assert done.code == 0, done.err
    assert "the table knows no costs of every arm" in picture.read_text()
    assert "<!-- random -->" in picture.read_text()


def test_a_table_that_is_not_there_and_one_that_is_wrong_are_named(run: Run, tmp_path: Path) -> None:
    assert "none.csv" in run("--table", str(tmp_path / "none.csv")).err
    (tmp_path / "wrong.csv").write_text("query_id,query,model\n1,What?,a\n")
    done = run("--table", str(tmp_path / "wrong.csv"))
    assert done.code == 2
    assert "no column 'score'" in done.err


def test_a_table_or_the_log_must_be_named(run: Run) -> None:
    with pytest.raises(SystemExit) as ended:
        run("--policy", "fixed")
    assert ended.value.code == 2
