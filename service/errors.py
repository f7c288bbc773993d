"""Every error as one JSON shape: `{"error": {"message", "type", "param", "code"}}`, with the fitting status."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from models.errors import (
    BudgetExceeded,
    ContextTooLong,
    Forbidden,
    ModelError,
    ModelOverloaded,
    ModelRefused,
    ModelTimeout,
    NoArmLeft,
    NotAllowed,
    PointsmanError,
    QuotaExceeded,
    StoreError,
    StrategyError,
    UnknownModel,
    UserError,
)
from store import UnknownDecision


class NotThere(UserError):
    """No such decision or document (404)."""


STATUS: Mapping[type[PointsmanError], tuple[int, str | None]] = {  # the nearest class in the tree counts
    UserError: (400, None),
    NotAllowed: (401, "invalid_api_key"),
    Forbidden: (403, "permission_denied"),
    QuotaExceeded: (429, "rate_limit_exceeded"),
    UnknownModel: (404, "model_not_found"),
    UnknownDecision: (404, "not_found"),
    NotThere: (404, "not_found"),
    ContextTooLong: (400, "context_length_exceeded"),
    ModelOverloaded: (429, "model_overloaded"),
    ModelRefused: (400, "model_refused"),
    ModelTimeout: (504, "model_timeout"),
    ModelError: (502, "model_error"),
    BudgetExceeded: (504, "deadline_exceeded"),
    StrategyError: (500, "strategy_error"),
    StoreError: (503, "store_unavailable"),
    NoArmLeft: (502, "no_arm_left"),
    PointsmanError: (500, None),
}
TYPE_TAGS = (  # pydantic names the branch of a union so
    *("str", "list[str]", "constrained-str", "list[constrained-str]"),
    *("list[ContentPart]", "dict[str,any]", "list[dict[str,any]]"),
)
USED_UP = "insufficient_quota"
STORE_AGAIN = 5.0
"""Seconds after which to come again where the log cannot be read or written; it is tried at least as often."""
LEFT = 499  # the client has gone; nobody reads this

log = structlog.get_logger()


class ClientLeft(Exception):
    """The client closed the connection before the answer was complete."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as the outside sees it; `retry_after` is in seconds."""

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    retry_after: float | None = None

    @property
    def kind(self) -> str:
        """OpenAI's `type`."""
        return "invalid_request_error" if self.status < 500 else "server_error"

    def body(self) -> dict[str, dict[str, str | None]]:
        """The JSON shape."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """The HTTP reply."""
        headers = {} if self.retry_after is None else {"retry-after": str(max(1, round(self.retry_after)))}
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        if self.code == USED_UP:
            headers["x-should-retry"] = "false"  # OpenAI's client would, within seconds
        return JSONResponse(self.body(), self.status, headers)


def fault_of(error: PointsmanError) -> Fault:
    """What the outside sees of one of our errors; of NoArmLeft, the status on which all of its causes agree."""
    if isinstance(error, NoArmLeft):
        causes = [fault_of(cause) for cause in error.causes]
        if causes and len({cause.status for cause in causes}) == 1:
            return Fault(causes[0].status, str(error), None, causes[0].code, causes[0].retry_after)
    status, code = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    if isinstance(error, UserError):
        wait = error.retry_after if isinstance(error, QuotaExceeded) else None
        return Fault(status, str(error), error.param, error.code or code, wait)
    after = error.retry_after if isinstance(error, ModelError) else None
    if isinstance(error, StoreError):
        after = STORE_AGAIN
    return Fault(status, str(error), None, code, after)


def install(app: FastAPI) -> None:
    """Answer every error of the app in the one shape."""

    @app.exception_handler(PointsmanError)
    async def ours(_: Request, error: PointsmanError) -> Response:
        return fault_of(error).response()

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return explain(error).response()

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        message = str(error.detail)
        if error.status_code == 404:
            message = f"there is no route {request.method} {request.url.path}"
        elif error.status_code == 405:
            message = f"{request.url.path} does not take {request.method}"
        response = Fault(error.status_code, message).response()
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(ClientLeft)
    async def left(_: Request, __: ClientLeft) -> Response:
        return Response(status_code=LEFT)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        log.error("unforeseen error", route=request.url.path, exc_info=error)
        response = Fault(500, "something went wrong inside the service; its log says what").response()
        response.headers["x-request-id"] = request.state.request_id  # this reply leaves outside the gate
        return response


def explain(error: RequestValidationError) -> Fault:
    """The first fault of a body or a query string, and the parameter at fault."""
    first = error.errors()[0]
    begun = 1 if first["loc"][:1] in (("body",), ("query",), ("path",)) else 0  # a field may be called so, too
    place = [part for part in first["loc"][begun:] if part not in TYPE_TAGS]
    if first["type"] == "json_invalid":
        where = f" at character {place[0]}" if place else ""
        return Fault(400, f"the body is not valid JSON: {first['ctx']['error']}{where}")
    if not place:
        return Fault(400, "the body must be a JSON object, sent with content-type: application/json")
    param = ""
    for part in place:
        param += f"[{part}]" if isinstance(part, int) else f".{part}" if param else str(part)
    if first["type"] == "missing":
        return Fault(400, f"{param} is missing", param)
    given = repr(first.get("input"))
    words = first["msg"].removeprefix("Value error, ")
    told = given if len(given) <= 80 else f"{given[:77]}..."
    return Fault(400, f"{param}: {words[:1].lower()}{words[1:]}, not {told}", param)
