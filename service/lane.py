"""The short way to chat completions: past FastAPI's routing, which takes longer than all that we do on the way.

The route is declared with the others, for the description of the API; this middleware, the innermost, answers it.
Bodies mean the same on both ways, and errors are told in the same words.
"""

import json
from types import SimpleNamespace

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from models.errors import PointsmanError
from service.errors import LEFT, ClientLeft, Fault, explain, fault_of
from service.openai_api import PATH, complete
from service.wire import ChatBody

ROUTE = SimpleNamespace(path=PATH)
"""What the metrics call it by."""


class Lane:
    """ASGI middleware: takes what is posted to chat completions, and passes on everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope["route"] = ROUTE
        request = Request(scope, receive, send)
        response = await _answer(request)
        await response(scope, receive, send)


async def _answer(request: Request) -> Response:
    try:
        return await complete(await _body(request), request, request.app.state.houses.now)
    except PointsmanError as error:
        return fault_of(error).response()
    except RequestValidationError as error:
        return explain(error).response()
    except HTTPException as error:
        return Fault(error.status_code, str(error.detail)).response()
    except (ClientLeft, ClientDisconnect):
        return Response(status_code=LEFT)


async def _body(request: Request) -> ChatBody:
    """The body, checked. Raises RequestValidationError, ClientDisconnect, and what the gate says of its size."""
    raw = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not (kind.endswith("/json") or kind.endswith("+json")):
        raise RequestValidationError([{"type": "model_attributes_type", "loc": ("body",), "msg": "", "input": None}])
    try:
        return ChatBody.model_validate_json(raw)
    except ValidationError as error:
        wrong = error.errors()
        if wrong[0]["type"] != "json_invalid":
            raise RequestValidationError(wrong) from error
    try:  # what pydantic's reader of JSON will not take, Python's may: half a surrogate pair
        return ChatBody.model_validate(json.loads(raw))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
    except json.JSONDecodeError as error:
        told = {"type": "json_invalid", "loc": ("body", error.pos), "ctx": {"error": error.msg}, "input": {}}
        raise RequestValidationError([told]) from error
    except RecursionError as error:
        told = {"type": "json_invalid", "loc": ("body",), "ctx": {"error": "it is nested too deeply"}, "input": {}}
        raise RequestValidationError([told]) from error
    except ValueError as error:  # not UTF-8, or a number of thousands of digits
        why = "not UTF-8" if isinstance(error, UnicodeDecodeError) else "a number has too many digits"
        told = {"type": "json_invalid", "loc": ("body",), "ctx": {"error": why}, "input": {}}
        raise RequestValidationError([told]) from error
