"""One context manager that turns what litellm and the clients under it raise into our own errors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from models.errors import (
    ContextTooLong,
    ModelError,
    ModelOverloaded,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from models.own_key import without
from models.refusals import KEYS

MEANING: Mapping[str, type[ModelError]] = {
    "AuthenticationError": ModelUnavailable,
    "PermissionDeniedError": ModelUnavailable,
    "NotFoundError": ModelUnavailable,
    "PaymentRequiredError": ModelUnavailable,
    "BudgetExceededError": ModelUnavailable,
    "ModelNotMappedError": ModelUnavailable,
    "LiteLLMUnknownProvider": ModelUnavailable,
    "ServiceUnavailableError": ModelUnavailable,
    "MidStreamFallbackError": ModelUnavailable,
    "BadGatewayError": ModelUnavailable,
    "InternalServerError": ModelUnavailable,
    "APIError": ModelUnavailable,
    "APIConnectionError": ModelUnavailable,
    "APIResponseValidationError": ModelUnavailable,
    "OpenAIError": ModelUnavailable,
    "MockException": ModelUnavailable,
    "HTTPError": ModelUnavailable,
    "StreamError": ModelUnavailable,
    "Timeout": ModelTimeout,
    "APITimeoutError": ModelTimeout,
    "TimeoutException": ModelTimeout,
    "RateLimitError": ModelOverloaded,
    "ContextWindowExceededError": ContextTooLong,
    "BadRequestError": ModelRefused,
    "InvalidRequestError": ModelRefused,
    "UnprocessableEntityError": ModelRefused,
    "UnsupportedParamsError": ModelRefused,
    "JSONSchemaValidationError": ModelRefused,
    "RejectedRequestError": ModelRefused,
    "ContentPolicyViolationError": ModelRefused,
    "ImageFetchError": ModelRefused,
    "VectorStoreSearchError": ModelRefused,
    "GuardrailRaisedException": ModelRefused,
    "BlockedPiiEntityError": ModelRefused,
    "ModifyResponseException": ModelRefused,
    "SensitiveDataRouteException": ModelRefused,
}
"""By the name of the exception's class; a class that is not here counts as the nearest one above it that is."""

HOPELESS = frozenset(
    {"AuthenticationError", "PermissionDeniedError", "NotFoundError", "PaymentRequiredError", "LiteLLMUnknownProvider"}
)
"""Unavailable, and no better at the next try: a key, an address or a name has to be put right."""
UNSPECIFIC = frozenset({"APIError", "OpenAIError", "APIConnectionError", "HTTPError"})
REFUSED: Mapping[int, type[ModelError]] = {
    400: ModelRefused,
    401: ModelUnavailable,
    403: ModelUnavailable,
    404: ModelUnavailable,
    413: ContextTooLong,
    422: ModelRefused,
}
"""What a status means for which the libraries have no exception of their own: the server is there and says no."""


@contextmanager
def translated(model: str, secrets: tuple[str, ...] = ()) -> Iterator[None]:
    """Raise ModelError, with the configured name of the model, for what the vendors' libraries raise inside.

    `secrets` are left out of what they say.
    """
    try:
        yield
    except _foreign() as failure:
        raise meaning_of(failure, model, secrets) from failure


def meaning_of(failure: BaseException, model: str, secrets: tuple[str, ...] = ()) -> ModelError:
    """Our own error for a vendor's; keeps the wait that the server asks for, in seconds.

    Of what it says, the `secrets` are left out, and all of it where a key was refused.
    """
    inner = getattr(failure, "original_exception", None)  # a failure in mid-stream wraps what really happened
    if isinstance(inner, Exception) and inner is not failure:
        return meaning_of(inner, model, secrets)
    name = next((kind.__name__ for kind in type(failure).__mro__ if kind.__name__ in MEANING), "APIError")
    text = without(secrets, " ".join(str(failure).split())) or type(failure).__name__
    status = getattr(failure, "status_code", None)
    if status in KEYS:
        text = f"answered {status}"
    told = REFUSED.get(status) if name in UNSPECIFIC and isinstance(status, int) else None
    hint = f" (the key or its rights: see models.{model}.api_key_env)" if status in KEYS else ""
    error = (told or MEANING[name])(f"model {model!r}: {text[:500]}{hint}", model=model, retry_after=_wait(failure))
    if name in HOPELESS or told is not None:
        error.retryable = False
    return error


def _wait(failure: BaseException | None) -> float | None:
    """The seconds that the server asks to wait; litellm keeps its answer only in the exception that it caught."""
    while failure is not None:
        headers = getattr(getattr(failure, "response", None), "headers", None) or {}
        text = str(headers.get("retry-after", ""))
        if text.replace(".", "", 1).isdigit():
            return float(text)
        failure = failure.__cause__ or failure.__context__
    return None


def _foreign() -> tuple[type[Exception], ...]:
    """What to catch: the roots of litellm's, openai's and httpx's exceptions; imported late, for it takes seconds."""
    import httpx
    from litellm import exceptions
    from openai import OpenAIError

    own = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return (OpenAIError, httpx.HTTPError, httpx.StreamError, *own)
