"""Checking that a draft is the JSON that was asked for: any object, or what a JSON schema describes."""

import json
from collections.abc import Mapping
from typing import Any  # JSON

from models.errors import BadRequest
from strategies.core.context import Context
from strategies.core.patterns import check_patterns, timed
from strategies.core.verdict import SILENT, Verdict, Verifier

DEEPEST = 60  # levels of a document
LONGEST = 1_000_000  # characters of a document
LONGEST_NAME = 1000  # characters of a key in it: `patternProperties` are matched by `re`, which nobody stops


def valid_json(form: Mapping[str, Any] | bool) -> Verifier:
    """A draft passes if all of it is JSON of this form: a JSON schema, or a `response_format` of OpenAI's shape.

    `{"type": "json_object"}` asks for an object, `{"type": "json_schema", "json_schema": {"schema": ...}}` for what the
    schema describes (draft 2020-12, unless it names another); any other `response_format` is never checked. Nothing is
    fetched: a reference to another document fails. The finding names the place and the fault.
    Raises BadRequest for a schema that is none.
    """
    schema = schema_of(form)
    if schema is None:
        return _unchecked
    import jsonschema  # here and not above: most requests ask for no form
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        check_patterns(schema)
        kind.check_schema(schema)
    except (jsonschema.SchemaError, RecursionError) as failure:
        why = failure.message if isinstance(failure, jsonschema.SchemaError) else "it is nested too deeply"
        raise BadRequest(f"response_format: this is no JSON schema: {why}", param="response_format") from failure

    async def check(ctx: Context, draft: str) -> Verdict:
        bounded = jsonschema.validators.extend(kind, {"pattern": timed(jsonschema.ValidationError)})
        try:
            found = bounded(schema, registry=Registry()).iter_errors(_document(draft))
            fault = jsonschema.exceptions.best_match(found)
        except ValueError as failure:
            return Verdict(False, f"it is not JSON: {failure}", "schema")
        except Unresolvable as failure:
            raise BadRequest(f"response_format: {failure} is not in the schema", param="response_format") from failure
        except RecursionError as failure:
            raise BadRequest("response_format: the schema refers to itself", param="response_format") from failure
        if fault is None:
            return Verdict(True, by="schema")
        return Verdict(False, f"at {fault.json_path}: {fault.message[:300]}", "schema")

    return check


def schema_of(form: Mapping[str, Any] | bool) -> Mapping[str, Any] | bool | None:
    """The schema of a `response_format`, or the schema itself; None for a `response_format` that asks for no JSON.

    Raises BadRequest where a `json_schema` holds none.
    """
    if isinstance(form, bool):
        return form
    kind = form.get("type")
    if kind == "json_object":
        return {"type": "object"}
    if kind == "json_schema":
        held = form.get("json_schema")
        schema = held.get("schema") if isinstance(held, Mapping) else None
        if not isinstance(schema, Mapping | bool):
            raise BadRequest("response_format.json_schema.schema is missing", param="response_format")
        return schema
    return None if kind in ("text", "grammar") else form


async def _unchecked(ctx: Context, draft: str) -> Verdict:
    return SILENT


def _document(draft: str) -> Any:
    """The draft as JSON. Raises ValueError for anything else, and for what is too long or too deep."""
    if len(draft) > LONGEST:
        raise ValueError(f"it has more than {LONGEST} characters")
    depth = deepest = 0
    for mark in draft:
        depth += (mark in "[{") - (mark in "]}")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    return json.loads(draft, parse_constant=_no_number, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if any(len(name) > LONGEST_NAME for name, _ in pairs):
        raise ValueError(f"it has a name of more than {LONGEST_NAME} characters")
    return dict(pairs)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
