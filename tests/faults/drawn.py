"""Requests drawn over the OpenAPI description: what it describes, with something odd in it now and then."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any  # JSON
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

METHODS = ("get", "post", "put", "delete", "patch")
KNOWN = "KNOWN-DECISION"
"""Stands for the id of a decision that there is."""
ASKED = {"model": "far", "messages": [{"role": "user", "content": "How are you?"}]}
PARTS = {
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
    ]
}
FULL = {**ASKED, "model": "far", "stream": True, "temperature": 0.5, "max_tokens": 5, "n": 1, "stop": ["x"], "seed": 7}
FULL |= {
    "stream_options": {"include_usage": True},
    "pointsman": {"quality": 0.5, "explore": False, "conversation": "c"},
}
SOUND: Mapping[str, list[Any]] = {
    "/v1/chat/completions": [ASKED, PARTS, FULL],
    "/v1/route": [ASKED, PARTS, FULL],
    "/v1/responses": [
        {"model": "far", "input": "How are you?"},
        {"input": ASKED["messages"], "stream": True, "instructions": "Be kind."},
    ],
    "/v1/embeddings": [{"input": "one"}, {"input": ["one", "two"], "encoding_format": "base64"}],
    "/v1/feedback": [{"id": KNOWN, "score": 0.5}, {"id": KNOWN, "thumb": "up"}, {"id": KNOWN, "correction": "No."}],
    "/v1/knowledge/search": [{"query": "herons"}],
}
"""Bodies as they should be, which are then changed here and there."""
DEEP = "[" * 200 + "]" * 200
RAW = (
    *(b"", b"null", b"{", b"[]", b'""', b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"\x00", DEEP.encode(), b"[" * 5000),
    b'{"messages": [{"role": "user", "content": "Hi"}], "messages": 7}',
    b'{"model": "auto", "model": "well", "messages": [{"role": "user", "content": "Hi"}]}',
    b'{"messages": [{"role": "user", "content": "Hi"}], "temperature": NaN}',
    b'{"messages": [{"role": "user", "content": "Hi"}], "seed": Infinity, "logit_bias": {"1": -Infinity}}',
    b'{"messages": [{"role": "user", "content": "Hi"}], "seed": 1' + b"0" * 5000 + b"}",
    b'{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1e400}',
    b'{"messages": [{"role": "user", "content": "\\ud800 Hi \\udfff"}], "user": "\\ud800"}',
    b'{"model": "far", "messages": [{"role": "user", "content": "\\ud800 Hi"}], "seed": 9999999999999999999999}',
    b'{"model": "far", "input": "Hi", "stream": true, "instructions": "\\ud800"}',
    b'{"model": "far", "input": "Hi", "metadata": {"a": NaN, "b": 9999999999999999999999}}',
    b'{"input": "\\ud800", "model": "\\udc00"}',
    b'{"id": "\\u0000", "score": 1}',
)
"""Bodies that are no JSON, or JSON that most programs trip over."""
KINDS = ("application/json",) * 24 + (
    *("application/json; charset=utf-16", "text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data"),
    *("multipart/form-data; boundary=x", "application/json, text/html", "\xe9"),
)
ODD_TEXT = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "\ud800",
        "a\udfffb",
        "é" * 50,
        "‮x",
        "x" * 3000,
        "'; --",
        "{{7*7}}",
        "../..",
        "%s%n",
        "auto@",
        "@well",
        "direct@well",
    ]
)
ODD = st.one_of(
    ODD_TEXT,
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 2**31, 2**63, 2**64, -(2**70), 10**400, 0.5, -0.0, 1e308, 5e-324]),
    st.sampled_from([float("nan"), float("inf"), float("-inf")]),
    st.sampled_from([[], {}, [[]], [None], {"": ""}, {"type": "text"}, [{"type": 7}], {"role": "user"}, [{}] * 50]),
    st.text(max_size=20),
).map(copy.deepcopy)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it goes out."""

    method: str
    path: str
    query: str
    kind: str
    body: bytes


def operations(described: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every method and path of the description."""
    return [(m.upper(), path) for path, item in described["paths"].items() for m in METHODS if m in item]


def requests(described: Mapping[str, Any], method: str, path: str) -> SearchStrategy[Asked]:
    """Requests of one operation."""
    operation = described["paths"][path][method.lower()]
    places: dict[str, list[str]] = {"path": [], "query": []}
    for one in operation.get("parameters", ()):
        places.setdefault(one["in"], []).append(one["name"])
    content = operation.get("requestBody", {}).get("content", {})
    schema = next((one["schema"] for one in content.values()), None)
    parts = described.get("components", {}).get("schemas", {})
    raw = st.sampled_from(RAW)
    drawn = raw if schema is None else values(schema, parts).map(_encoded)
    changed = drawn if path not in SOUND or schema is None else _changed(SOUND[path], schema, parts)
    bodies = st.integers(0, 9).flatmap(lambda n: raw if n == 0 else drawn if n == 1 else changed)
    return st.builds(
        Asked,
        st.just(method),
        st.fixed_dictionaries({name: _written() for name in places["path"]}).map(lambda given: _filled(path, given)),
        st.dictionaries(st.sampled_from([*places["query"], "x"]), _written(), max_size=3).map(_joined),
        st.sampled_from(KINDS),
        bodies,
    )


@st.composite
def _changed(draw: DrawFn, sound: list[Any], schema: Mapping[str, Any], parts: Mapping[str, Any]) -> bytes:
    """A sound body in which up to three places are changed: a field that the schema names, or any value there is."""
    body = copy.deepcopy(draw(st.sampled_from(sound)))
    named = _resolved(schema, parts).get("properties", {})
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            name = draw(st.sampled_from([*sorted(named), "foo", "metadata"]))
            body[name] = draw(values(named[name], parts, 1) if name in named else ODD)
        else:
            place, key = draw(st.sampled_from(_places(body)))
            place[key] = draw(ODD)
    return _encoded(body)


def _places(body: Any) -> list[tuple[Any, Any]]:
    """Every value in the body, as what holds it and under which key."""
    pairs = list(body.items()) if isinstance(body, dict) else list(enumerate(body)) if isinstance(body, list) else []
    return [place for key, value in pairs for place in [(body, key), *_places(value)]]


def _resolved(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> Mapping[str, Any]:
    return parts[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def values(schema: Mapping[str, Any], parts: Mapping[str, Any], depth: int = 0) -> SearchStrategy[Any]:
    """Values of a schema; one in eight is odd."""
    fitting = _fitting(schema, parts, depth)
    return st.integers(0, 7).flatmap(lambda n: ODD if n == 0 and depth else fitting)


def _fitting(schema: Mapping[str, Any], parts: Mapping[str, Any], depth: int) -> SearchStrategy[Any]:
    if "$ref" in schema:
        return values(_resolved(schema, parts), parts, depth)
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return st.one_of([_fitting(one, parts, depth) for one in schema[key]])
    match schema.get("type"):
        case "object" if depth < 6:
            named = {name: values(one, parts, depth + 1) for name, one in schema.get("properties", {}).items()}
            needed = {name: named.pop(name) for name in schema.get("required", ()) if name in named}
            free = st.dictionaries(st.sampled_from(["foo", "num_ctx", "metadata", ""]), ODD, max_size=2)
            return st.tuples(st.fixed_dictionaries(needed, optional=named), free).map(
                lambda both: {**both[1], **both[0]}
            )
        case "array" if depth < 6:
            return st.lists(values(schema.get("items", {}), parts, depth + 1), max_size=3)
        case "string":
            return st.one_of(
                st.sampled_from(["user", "auto", "far", "direct@far", "Hi?", "text"]), st.text(max_size=30)
            )
        case "integer":
            return st.integers(0, 20)
        case "number":
            return st.floats(0, 1)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    return ODD


def _written() -> SearchStrategy[str]:
    """A parameter's text, which may be anything that can be written in an address."""
    odd = ODD_TEXT.map(lambda text: quote(text.encode("utf-8", "surrogatepass"), safe=""))
    return st.one_of(
        odd, st.sampled_from([KNOWN, "auto", "well", "1", "0", "-1", "1e9", "NaN", "%ff", "%", "%00", "a%2Fb"])
    )


def _filled(path: str, given: Mapping[str, str]) -> str:
    for name, text in given.items():
        path = path.replace(f"{{{name}}}", text or "x")
    return path


def _joined(given: Mapping[str, str]) -> str:
    return "&".join(f"{name}={text}" for name, text in given.items())


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()  # NaN and infinity as Python writes them, surrogates as escapes
