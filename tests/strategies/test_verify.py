"""The verifiers that a strategy may choose from: schema, agreement, a known answer, copying, a second model."""

import asyncio
import json
import re
import socket
from collections.abc import Mapping
from typing import Any  # JSON

import numpy as np
import pytest

from models.errors import BadRequest
from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Budget, Constraints, Context, Passage, Query, verify
from strategies.core.verify import (
    VERIFIERS,
    Verdict,
    Verifier,
    agree,
    agreement,
    by_copying,
    equivalent,
    second_opinion,
    valid_json,
)
from tests.strategies.stage import Shelf

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "born": {"type": "integer", "minimum": 1900}},
    "required": ["name"],
    "additionalProperties": False,
}


def context(question: str = "How many nuts?", allowed: tuple[str, ...] = (), **more: Any) -> Context:
    asked = Query(Request((Message("user", question),)), np.zeros(1, np.float32), Constraints(models=allowed))
    return Context(asked, Scripted("small", "small says"), emit=lambda _: None, **more)


async def checked(verifier: Verifier, draft: str, **more: Any) -> Verdict:
    return await verifier(context(**more), draft)


@pytest.mark.parametrize(
    ("draft", "finding"),
    [
        ('{"name": "Mira", "born": 1920}', None),
        ('  {"name": "Mira"}\n', None),
        ('{"born": 1920}', "at $: 'name' is a required property"),
        ('{"name": "Mira", "born": "1920"}', "at $.born: '1920' is not of type 'integer'"),
        ('{"name": "Mira", "born": 1820}', "at $.born: 1820 is less than the minimum of 1900"),
        ('{"name": "Mira", "age": 3}', "'age' was unexpected"),
        ('Here it is: {"name": "Mira"}', "it is not JSON"),
        ('```json\n{"name": "Mira"}\n```', "it is not JSON"),
        ('{"name": "Mira", "born": NaN}', "NaN is no number of JSON"),
        ("[" * 100_000, "nested more than 60 levels"),
        ("", "it is not JSON"),
    ],
)
async def test_a_draft_must_be_json_of_the_schema(draft: str, finding: str | None) -> None:
    for form in (PERSON, {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}):
        verdict = await checked(valid_json(form), draft)
        assert verdict.passed is (finding is None)
        assert (finding or "") in verdict.finding
        assert verdict.by == "schema"


@pytest.mark.parametrize(
    ("form", "draft", "passed"),
    [
        ({"type": "json_object"}, '{"a": 1}', True),
        ({"type": "json_object"}, "[1]", False),
        ({"type": "text"}, "anything", None),
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", True),
        ({"type": "array", "items": {"type": "integer"}}, '["1"]', False),
        ({}, "5", True),
        (False, "5", False),
        ({"$defs": {"n": {"type": "null"}}, "$ref": "#/$defs/n"}, "null", True),
    ],
)
async def test_a_form_is_a_response_format_or_a_schema(
    form: Mapping[str, Any] | bool, draft: str, passed: bool
) -> None:
    assert (await checked(valid_json(form), draft)).passed is passed


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"type": "nonsense"}, "this is no JSON schema: 'nonsense' is not valid"),
        ({"type": "json_schema"}, "json_schema.schema is missing"),
        ({"type": "json_schema", "json_schema": {"schema": 5}}, "json_schema.schema is missing"),
    ],
)
def test_a_schema_that_is_none_is_the_callers_mistake(form: Mapping[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message) as raised:
        valid_json(form)
    assert raised.value.param == "response_format"


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "#/$defs/none"}, r"\$defs/none"),
        ({"$ref": "#"}, "refers to itself"),
    ],
)
async def test_a_reference_that_leads_nowhere_or_in_a_circle_is_an_error(
    schema: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        await checked(valid_json(schema), json.dumps({"a": 1}))


async def test_a_reference_to_another_document_is_never_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        server.settimeout(0.05)
        asking = asyncio.to_thread(lambda: asyncio.run(_checked_by_reference(place)))
        with pytest.raises(BadRequest, match=re.escape(place)):
            await asyncio.wait_for(asking, 5)
        with pytest.raises(TimeoutError):
            server.accept()


async def _checked_by_reference(place: str) -> Verdict:
    return await checked(valid_json({"$ref": place}), "{}")


async def test_a_draft_passes_if_enough_samples_agree_with_it() -> None:
    samples = ("Answer: 12", "It is 12 nuts.", "13", "twelve of them")
    assert (await checked(agreement(samples), "12.0")).passed is True
    assert await checked(agreement(samples), "13") == Verdict(False, "1 of 4 samples agree with it", "agreement")
    assert (await checked(agreement(samples, least=0.25), "13")).passed is True
    assert (await checked(agreement(()), "13")).passed is None


async def test_a_draft_passes_if_it_says_what_is_known() -> None:
    assert (await checked(equivalent("1/2"), "So it is a half.\nAnswer: 0.5")).passed is True
    verdict = await checked(equivalent("1/2"), "Answer: 1/3")
    assert (verdict.passed, verdict.finding) == (False, "the answer is not the same as '1/2'")


async def test_a_draft_is_compared_with_given_passages_or_else_with_the_library() -> None:
    shelf = Shelf([Passage("p", "Mira Voss was born in Halden.", "People", 0.9)])
    assert (await checked(by_copying(), "She was born in Halden", library=shelf, question="Where?")).passed is True
    assert (await checked(by_copying(["She was born in Orsk"]), "born in Halden", library=shelf)).passed is False
    assert (await checked(by_copying(), "born in Halden")).passed is None


async def test_the_second_opinion_is_of_the_first_peer_that_the_caller_allows() -> None:
    peers = {name: Scripted(name, "12") for name in ("small", "large", "huge")}
    assert (await checked(second_opinion(), "12", peers=peers)).by == "peer large"
    assert (await checked(second_opinion(), "12", peers=peers, allowed=("small", "huge"))).by == "peer huge"
    assert (await checked(second_opinion(), "12", peers=peers, allowed=("small",))).passed is None
    assert [len(peer.requests) for peer in peers.values()] == [0, 1, 1]


async def test_the_second_opinion_is_asked_for_once_at_temperature_zero_and_only_if_a_call_is_left() -> None:
    large = Scripted("large", "12")
    opinion, ctx = second_opinion(), context(peers={"large": large}, budget=Budget(calls=1))
    assert (await opinion(ctx, "12")).passed is True
    assert (await opinion(ctx, "13")).passed is False
    assert [request.temperature for request in large.requests] == [0.0]
    assert (await checked(second_opinion(), "12", peers={"large": large}, budget=Budget(calls=0))).passed is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1/2", "3/2", False),
        ("5 km", "5 miles", False),
        ("5 km", "Answer: 5000 m", True),
        ("-5", "5", False),
        ("The probability is 1/2.", "0.5", True),
        ("The probability is 3/2.", "1/2", False),
        (r"We get \boxed{\frac{1}{2}}", "Answer: 50%", True),
        ("He has 3 red and 9 blue nuts, so 12", "12", True),
        ("5 + 7 = 12, so he has 12 nuts", "He ends with 12", True),
    ],
)
def test_replies_agree_by_their_answers_where_these_can_be_compared(one: str, other: str, same: bool) -> None:
    assert agree(one, other, "How many nuts?") is same
    assert agree(other, one, "How many nuts?") is same


def test_the_list_of_verifiers_names_what_there_is() -> None:
    for name, meaning in VERIFIERS.items():
        assert getattr(verify, name).__doc__
        assert meaning
    assert set(VERIFIERS) <= set(verify.__all__)
