"""Patterns of a caller's schema: what could compute for ever is refused, the rest has its time."""

import time
from typing import Any  # JSON

import pytest

from models.errors import BadRequest
from strategies.core.verify import valid_json
from tests.strategies.test_verify import checked

FINE = [
    r"^\d{4}-\d{2}-\d{2}$",
    r"^([0-9]{1,3}\.){3}[0-9]{1,3}$",
    r"^[\w.+-]+@[\w-]+\.[\w.]+$",
    r"^(red|green|blue)(,(red|green|blue))*$",
    r"^\(?\+?[0-9 ()*+-]+$",
    r"(a{3})+",
]
ENDLESS = [r"^(a+)+$", r"(?:\d*)*x", r"^(\w+\s?)*$", r"((ab?)+c){20}", r"(x{2,9}){11}", r"((a*)b?)*"]


@pytest.mark.parametrize("pattern", FINE)
@pytest.mark.parametrize("nested", [False, True])
async def test_usual_patterns_are_checked(pattern: str, nested: bool) -> None:
    schema: dict[str, Any] = {"type": "string", "pattern": pattern}
    schema = {"type": "object", "properties": {"pattern": schema}} if nested else schema
    draft = '{"pattern": "§"}' if nested else '"§"'
    verdict = await checked(valid_json(schema), draft)
    assert not verdict.passed
    assert "does not match" in verdict.finding


@pytest.mark.parametrize("pattern", [*ENDLESS, "a" * 257, "(", "["])
def test_a_pattern_that_may_compute_for_ever_is_refused(pattern: str) -> None:
    inside = {"anyOf": [{"type": "array", "items": {"pattern": pattern}}]}
    schemas: list[dict[str, Any]] = [
        {"pattern": pattern},
        {"patternProperties": {pattern: {}}},
        {"$defs": {"x": inside}},
    ]
    for schema in schemas:
        with pytest.raises(BadRequest, match=r"response_format: the pattern") as caught:
            valid_json(schema)
        assert caught.value.param == "response_format"


async def test_a_pattern_that_takes_too_long_is_broken_off() -> None:
    slow = valid_json({"type": "array", "items": {"pattern": r"^.*a.*b.*c.*d$"}})
    begun = time.monotonic()
    verdict = await checked(slow, '["%s", "%s"]' % (("abc" * 10_000,) * 2))
    assert time.monotonic() - begun < 2
    assert not verdict.passed
    assert "takes too long" in verdict.finding


async def test_a_name_that_is_too_long_to_be_matched_is_no_valid_document() -> None:
    by_name = valid_json({"patternProperties": {r"^.*a.*b$": {"type": "integer"}}})
    assert not (await checked(by_name, '{"%s": 1}' % ("a" * 2000))).passed
    assert (await checked(by_name, '{"aab": 1}')).passed
    assert not (await checked(by_name, '{"aab": "1"}')).passed
