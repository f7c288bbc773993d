"""Fitting a mixture of prompts, held to its paper and kept from the known defects of its released code."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.errors import BadRequest, BudgetExceeded, ModelUnavailable
from models.scripted import Scripted
from models.types import Request
from strategies.core.demos import embedded
from strategies.fitted.clusters import Clusters, Shares, cluster, complement, route, routed, share, split
from strategies.fitted.fit_mixture_of_prompts import Demo, Fit, ape_prompts, fit, instruction_of, joint, save, single
from strategies.fitted.journal import Journal
from strategies.mixture_of_prompts import covers, read
from tests.strategies.stage import WordEmbedder

ANIMALS = ("otter", "heron", "badger", "lynx", "marten", "stoat", "vole", "adder")
DEMOS = [
    *(Demo(f"spell backwards the word {name}{i}", f"{name}{i}"[::-1]) for name in ANIMALS for i in range(5)),
    *(Demo(f"sum total of {i} plus {j}", str(i + j)) for i in range(8) for j in range(5)),
]


def blobs(n: int, each: int, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    chance = np.random.default_rng(seed)
    centres = np.eye(n, 8, dtype=np.float32) * 10
    return np.concatenate([centre + chance.normal(size=(each, 8)) * 0.1 for centre in centres]).astype(np.float32)


def exact(demo: Demo, reply: str) -> float:
    return float(reply.strip() == demo.answer)


def saying(rule: Callable[[str, str], str]) -> Callable[[Request], str]:
    """Answers a prompt by a rule of its instruction and question, and that guesses instructions."""

    def say(request: Request) -> str:
        prompt = request.messages[0].text
        if prompt.startswith("Below are inputs"):
            return " reverse it.\nAnd more" if prompt.count("spell") > prompt.count("sum total") else "add them"
        told = prompt.split("\n\n")[0].removeprefix("Instruction: ") if prompt.startswith("Instruction") else ""
        return rule(told, prompt.rsplit("Input: ", 1)[1].removesuffix("\nOutput:"))

    return say


def answering(rule: Callable[[str, str], str]) -> Scripted:
    """A model that says so."""
    return Scripted("small", saying(rule))


def obey(told: str, question: str) -> str:
    """Spells only when told to reverse, adds only when told to add."""
    if question.startswith("spell") and told == "reverse it":
        return question.split()[-1][::-1]
    if question.startswith("sum") and told == "add them":
        return str(sum(int(word) for word in question.split() if word.isdigit()))
    return "?"


@pytest.mark.parametrize("n", [2, 3, 5])
def test_k_auto_finds_the_number_of_blobs(n: int) -> None:
    found = cluster(blobs(n, 12), 8, seed=1)
    assert len(found.centres) == n
    assert set(found.scores) == set(range(2, 9))
    assert len(set(found.labels)) == n


def test_k_auto_is_at_its_lower_bound_for_identical_demonstrations() -> None:
    same = np.ones((20, 4), dtype=np.float32)
    found = cluster(same, 6, seed=0)
    assert len(found.centres) == 2
    assert all(len(rows) == 3 for rows in share(found, same, 3, seed=0).shown)


def test_the_number_of_regions_is_capped_by_the_demonstrations() -> None:
    assert set(cluster(blobs(2, 2), 10, seed=0).scores) == {2, 3, 4}


def test_every_region_shows_equally_many_demonstrations() -> None:
    labels = (0,) * 7 + (1,) * 2
    clusters = Clusters(np.zeros((2, 3), dtype=np.float32), labels, {})
    shares = share(clusters, np.zeros((9, 3), dtype=np.float32), 3, seed=0)
    assert [len(rows) for rows in shares.shown] == [3, 3]
    assert set(shares.shown[0]) <= set(range(7))
    assert len(set(shares.shown[0])) == 3
    assert shares.shown[1] == (7, 8, 7)
    assert set(shares.trimmed) == set(range(7)) - set(shares.shown[0])


def test_the_complement_is_what_all_others_show_and_what_nobody_shows() -> None:
    shares = Shares(((0, 1), (2, 3), (4, 4)), (5, 6))
    assert complement(shares, 0) == (2, 3, 4, 5, 6)
    assert complement(shares, 1) == (0, 1, 4, 5, 6)
    assert complement(shares, 2) == (0, 1, 2, 3, 5, 6)


def test_a_vector_goes_to_the_nearest_centre() -> None:
    vectors, centres = blobs(3, 4), blobs(3, 1)
    expected = [int(np.argmin(((centres - vector) ** 2).sum(axis=1))) for vector in vectors]
    assert list(route(vectors, centres)) == expected


def test_an_expert_is_judged_on_its_own_items_and_topped_up_by_cosine_only_when_they_are_few() -> None:
    vectors, centres = blobs(3, 6), blobs(3, 1)
    assert routed(vectors, centres, 1, 4) == tuple(range(6, 12))
    topped = routed(vectors, centres, 1, 8)
    assert topped[:6] == tuple(range(6, 12))
    assert len(topped) == 8
    cosine = vectors @ centres[1] / np.linalg.norm(vectors, axis=1)
    others = sorted((row for row in range(18) if row not in range(6, 12)), key=lambda row: -cosine[row])
    assert list(topped[6:]) == others[:2]


@pytest.mark.parametrize(("n", "pool", "judged"), [(40, 20, 20), (300, 100, 200), (1000, 100, 400)])
def test_the_split_keeps_demonstrations_and_items_apart(n: int, pool: int, judged: int) -> None:
    one, other = split(n, seed=3)
    assert (len(one), len(other)) == (pool, judged)
    assert not set(one) & set(other)


def test_instructions_are_asked_from_the_complement_within_the_budget_of_twenty() -> None:
    pool = [Demo(f"question {i}", f"answer {i}") for i in range(40)]
    shares = Shares(tuple(tuple(range(10 * i, 10 * i + 5)) for i in range(4)), tuple(range(35, 40)))
    prompts = ape_prompts(pool, shares, 8, random.Random(0))
    assert len(prompts) == 4 * (20 // 8) * (8 // 4) <= 20
    for i, prompt in enumerate(prompts):
        assert prompt.count("Input: ") == prompt.count("Output: ") == 5
        assert not any(f"question {row}\n" in prompt for row in shares.shown[i // 4])
        assert prompt.endswith("The instruction was to")


def test_an_instruction_is_the_first_line_of_the_reply() -> None:
    assert instruction_of(' "to add them."\nMore') == "add them"
    assert instruction_of("  \n") == ""


async def fitted(model: Scripted) -> Fit:
    return await fit(DEMOS, exact, model, WordEmbedder(), max_experts=4, seed=2)


async def test_the_planted_instructions_are_found_for_their_regions() -> None:
    found = await fitted(answering(obey))
    told = {region.instruction for region in found.regions}
    assert told == {"reverse it", "add them"}
    for region in found.regions:
        spelling = all(demo.question.startswith("spell") for demo in region.demos)
        assert region.instruction == ("reverse it" if spelling else "add them")
        assert region.score == 1.0


async def test_all_candidates_are_judged_on_the_same_items_and_the_empty_one_joins_the_search() -> None:
    """Without demonstrations each candidate sees the same twenty items; with a region's, each the same routed ones."""
    zero_shot: dict[str, list[str]] = {}
    shown: dict[str, dict[str, list[str]]] = {}
    say = saying(obey)

    def watch(request: Request) -> str:
        told, _, rest = request.messages[0].text.partition("Input: ")
        if not told.startswith("Below"):
            demos, _, question = f"Input: {rest}".rpartition("Input: ")
            told = told.strip().removeprefix("Instruction: ")
            book = shown.setdefault(demos, {}) if demos else zero_shot
            book.setdefault(told, []).append(question)
        return say(request)

    found = await fitted(Scripted("small", watch))
    assert set(zero_shot) == set(found.candidates)
    assert {tuple(sorted(items)) for items in zero_shot.values()} == {tuple(sorted(next(iter(zero_shot.values()))))}
    assert all(len(items) == 20 for items in zero_shot.values())
    assert len(shown) == len(found.regions)
    for book in shown.values():
        assert set(book) == {*list(found.candidates)[:4], ""}
        assert len({tuple(sorted(items)) for items in book.values()}) == 1


async def test_a_region_is_judged_only_on_what_the_router_sends_to_it_unless_that_is_too_little() -> None:
    words = [f"{name}{i}" for name in ANIMALS for i in range(40)]
    demos = [
        *(Demo(f"spell backwards the word {word}", word[::-1]) for word in words),
        *(Demo(f"sum total of {i} plus {j}", str(i + j)) for i in range(16) for j in range(20)),
    ]
    asked: dict[str, set[str]] = {}
    say = saying(obey)

    def watch(request: Request) -> str:
        demos, _, question = request.messages[0].text.rpartition("Input: ")
        if "Input: " in demos and not demos.startswith("Below"):
            asked.setdefault(demos[demos.index("Input: ") :], set()).add(question.removesuffix("\nOutput:"))
        return say(request)

    found = await fit(demos, exact, Scripted("small", watch), WordEmbedder(), max_experts=4, seed=2)
    centres = np.asarray([region.centre for region in found.regions], dtype=np.float32)
    topped = []
    for i, region in enumerate(found.regions):
        shown = "".join(f"Input: {demo.question}\nOutput: {demo.answer}\n\n" for demo in region.demos)
        vectors = await WordEmbedder().embed([embedded(question) for question in sorted(asked[shown])])
        strangers = len(vectors) - route(vectors, centres).count(i)
        assert strangers == 0 or len(vectors) == 20
        topped.append(strangers > 0)
    assert not all(topped)


async def test_the_one_prompt_it_is_compared_with_has_the_best_candidate_and_as_many_demonstrations() -> None:
    found = await fitted(answering(obey))
    one = single(found, DEMOS)
    assert one.instruction == next(iter(found.candidates))
    assert len(one.demos) == len(found.regions[0].demos)
    assert set(one.demos) <= set(DEMOS)
    assert single(found, DEMOS) == one


async def test_where_every_candidate_fails_a_region_still_gets_a_prompt() -> None:
    found = await fitted(answering(lambda *_: "?"))
    assert all(region.score == 0 and region.demos for region in found.regions)


async def test_instruction_and_demonstrations_are_judged_together() -> None:
    """On a planted task, exchanging the demonstrations of two regions exchanges their winners."""
    one, other = [Demo("a", "1")], [Demo("b", "2")]
    items = [Demo("q", "yes")]

    def say(request: Request) -> str:
        prompt = request.messages[0].text
        return "yes" if ("First" in prompt) == ("Input: a" in prompt) else "no"

    async with Journal(Scripted("small", say), None, None, 4, None) as journal:
        winners = [
            (await joint(journal, "x", ["First", "Second"], shown, items, exact)).instruction for shown in (one, other)
        ]
    assert winners == ["First", "Second"]


async def test_a_fit_is_the_same_for_the_same_seed() -> None:
    assert await fitted(answering(obey)) == await fitted(answering(obey))


async def test_demonstrations_are_capped_and_extra_instructions_compete() -> None:
    def follow(told: str, question: str) -> str:
        return obey("reverse it" if question.startswith("spell") else "add them", question) if told == "Mine." else "?"

    found = await fit(DEMOS, exact, answering(follow), WordEmbedder(), max_experts=4, shots=2, extra=["Mine."])
    assert {len(region.demos) for region in found.regions} == {2}
    assert {region.instruction for region in found.regions} == {"Mine."}


async def test_a_fit_stops_at_its_budget_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    whole = await fitted(answering(obey))

    async def go(budget: int | None) -> Fit:
        return await fit(
            DEMOS, exact, answering(obey), WordEmbedder(), max_experts=4, seed=2, budget=budget, checkpoint=path
        )

    with pytest.raises(BudgetExceeded, match="may make 70 calls"):
        await go(70)
    done = len(path.read_text().splitlines())
    assert 0 < done <= 70
    path.write_text(path.read_text() + '{"key": "torn')
    rest = await go(None)
    assert rest.regions == whole.regions
    assert rest.calls == whole.calls - done
    assert (await go(0)).regions == whole.regions


async def test_progress_is_told_by_stage() -> None:
    told: list[tuple[str, int, int]] = []
    await fit(DEMOS, exact, answering(obey), WordEmbedder(), max_experts=4, progress=lambda *step: told.append(step))
    assert {"candidates", "zero-shot", "region 0", "region 1"} <= {stage for stage, _, _ in told}
    assert all(0 <= done <= total for _, done, total in told)


async def test_a_failing_model_ends_the_fit_with_its_own_error() -> None:
    def fail(_: Request) -> str:
        raise ModelUnavailable("gone")

    with pytest.raises(ModelUnavailable):
        await fitted(Scripted("small", fail))


async def test_too_few_demonstrations_are_refused() -> None:
    with pytest.raises(BadRequest, match="8 demonstrations"):
        await fit(DEMOS[:7], exact, answering(obey), WordEmbedder())


async def test_a_saved_fit_is_what_the_strategy_reads_and_other_models_stay(tmp_path: Path) -> None:
    path = tmp_path / "fitted.json"
    found = await fitted(answering(obey))
    save(path, {"small": found}, "a test")
    save(path, {"large": found}, "a test")
    assert covers(str(path)) == {"small", "large"}
    regions = read(str(path))["small"]
    assert [(region.instruction, region.demos) for region in regions] == [
        (region.instruction, region.demos) for region in found.regions
    ]
    assert json.loads(path.read_text())["small"]["seed"] == 2
    assert {region.embedder for region in regions} == {found.embedder} == {"words"}
