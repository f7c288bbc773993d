"""Which arms there are, and which a request allows."""

import pytest

from models.errors import BadRequest, BadSettings, UnknownModel, UserError
from router.catalog import Catalog
from router.types import Arm
from strategies.core import Constraints
from tests.router.yard import Model, made

KNOWN = {
    s.name: s
    for s in (
        made("direct"),
        made("panel", calls=5),
        made("lookup", calls=2, needs=frozenset({"documents"})),
        made("inside", needs=frozenset({"internals"})),
        made("fitted", needs=frozenset({"prompts"})),
    )
}
ANY = Constraints()


def catalog(documents: bool = True, enabled: list[str] | None = None) -> Catalog:
    backends = {"big": Model("big"), "open": Model("open", offers=frozenset({"internals"}))}
    offers = frozenset({"documents"}) if documents else frozenset[str]()
    return Catalog(backends, enabled, {}, lambda: offers, {"big": frozenset({"prompts"})}, known=KNOWN)


def names(found: Catalog, model: str, constraints: Constraints = ANY) -> set[str]:
    return {str(candidate.arm) for candidate in found.candidates(model, constraints)}


def test_an_arm_is_a_model_with_a_strategy_whose_needs_it_meets() -> None:
    assert {str(arm) for arm in catalog().arms()} == {
        *("direct@big", "panel@big", "lookup@big", "fitted@big"),
        *("direct@open", "panel@open", "lookup@open", "inside@open"),
    }


def test_arms_come_and_go_with_the_documents() -> None:
    shelf: set[str] = set()
    found = Catalog({"m": Model("m")}, ["lookup"], {}, lambda: frozenset(shelf), {}, known=KNOWN)
    assert found.arms() == ()
    shelf.add("documents")
    assert found.arms() == (Arm("m", "lookup"),)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("auto@panel", {"panel@big", "panel@open"}),
        ("open", {"direct@open", "panel@open", "lookup@open", "inside@open"}),
        ("panel@big", {"panel@big"}),
        ("auto@inside", {"inside@open"}),
    ],
)
def test_the_four_ways_to_name_a_model(model: str, expected: set[str]) -> None:
    assert names(catalog(), model) == expected
    assert names(catalog(), "auto") == {str(arm) for arm in catalog().arms()}


@pytest.mark.parametrize(
    "model", ["nobody", "direct", "direct@nobody", "nothing@big", "auto@nothing", "", "@", "a@b@c"]
)
def test_an_unknown_name_is_not_found_and_the_error_says_what_there_is(model: str) -> None:
    with pytest.raises(UnknownModel, match=r"big \| open") as caught:
        catalog().candidates(model, ANY)
    assert caught.value.param == "model"


def test_a_strategy_alone_gets_a_hint() -> None:
    with pytest.raises(UnknownModel, match="did you mean auto@panel"):
        catalog().candidates("panel", ANY)


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        (Constraints(models=("big",)), {"direct@big", "panel@big", "lookup@big", "fitted@big"}),
        (Constraints(strategies=("direct", "panel")), {"direct@big", "panel@big", "direct@open", "panel@open"}),
        (Constraints(max_calls=1), {"direct@big", "fitted@big", "direct@open", "inside@open"}),
    ],
)
def test_constraints_narrow_the_choice(constraints: Constraints, expected: set[str]) -> None:
    assert names(catalog(), "auto", constraints) == expected


@pytest.mark.parametrize(
    ("model", "constraints", "error", "words"),
    [
        ("big", Constraints(models=("open",)), BadRequest, "leaves nothing"),
        ("panel@big", Constraints(max_calls=4), BadRequest, "max_calls is 4 .* at least 5"),
        ("inside@big", ANY, BadRequest, "needs internals"),
        ("auto", Constraints(models=("nobody",)), UnknownModel, "nobody"),
        ("auto", Constraints(strategies=("nothing",)), UnknownModel, "nothing"),
    ],
)
def test_if_nothing_is_left_the_error_says_what_stands_in_the_way(
    model: str, constraints: Constraints, error: type[UserError], words: str
) -> None:
    with pytest.raises(error, match=words):
        catalog().candidates(model, constraints)


def test_a_strategy_that_is_switched_off_is_not_there() -> None:
    assert names(catalog(enabled=["direct"]), "auto") == {"direct@big", "direct@open"}
    with pytest.raises(UnknownModel):
        catalog(enabled=["direct"]).candidates("panel@big", ANY)


def test_unknown_strategies_in_the_settings_are_named() -> None:
    with pytest.raises(BadSettings, match="'typo'"):
        catalog(enabled=["typo"])
    with pytest.raises(BadSettings, match="'typo'"):
        Catalog({}, None, {"typo": {}}, frozenset, {}, known=KNOWN)


def test_no_model_may_be_called_auto() -> None:
    with pytest.raises(BadSettings, match="auto"):
        Catalog({"auto": Model("auto")}, None, {}, frozenset, {}, known=KNOWN)


def test_an_arm_that_a_request_must_allow_may_be_named_but_is_not_among_those_for_every_request() -> None:
    asks_back = made("asks_back", needs=frozenset({"clarify"}))
    found = Catalog(
        {"m": Model("m")}, None, {}, frozenset, {}, known={"direct": KNOWN["direct"], "asks_back": asks_back}
    )
    assert found.arms() == (Arm("m", "direct"),)
    assert set(found.named()) == {Arm("m", "direct"), Arm("m", "asks_back")}
    assert names(found, "auto") == {"direct@m"}
    assert names(found, "asks_back@m", Constraints(clarify=True)) == {"asks_back@m"}
