"""What can go wrong, as one tree; the service turns each into one JSON shape.

PointsmanError
├── UserError            the caller's mistake: 4xx
│   ├── UnknownModel         no such model, strategy or arm (404)
│   ├── BadRequest           a body or parameter that cannot be meant (400)
│   ├── BadSettings          a settings file that cannot be read (at start)
│   ├── NotAllowed           a key that is missing or wrong (401)
│   ├── Forbidden            what this key may not do (403)
│   └── QuotaExceeded        more than this key may have (429)
├── ModelError           the model server's fault: 502/504
│   ├── ModelUnavailable     cannot be reached or loaded
│   │   ├── NoMemory             does not fit in the memory that is left
│   │   └── ModelResting         failed too often of late and is left alone; the server was not asked
│   ├── ModelTimeout         did not answer in time
│   ├── ModelOverloaded      has no room now
│   │   └── ModelBusy            its queue, its rate or its memory here is used up; the server was not asked
│   ├── ContextTooLong       the prompt does not fit the model
│   └── ModelRefused         will not answer this request
├── StrategyError        ours: the run falls back to `direct`
│   ├── BudgetExceeded       more calls, tokens or seconds than allowed
│   └── UnreadableReply      a model's reply that cannot be parsed
├── StoreError           the log or the library cannot be read or written
└── NoArmLeft            everything was tried; groups the causes
"""

from collections.abc import Mapping

BROKEN = (OSError, RuntimeError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError)
"""What code that is wrong raises, named: nobody foresaw it."""


class PointsmanError(Exception):
    """Anything that Pointsman itself raises."""


class UserError(PointsmanError):
    """The caller's mistake; `param` names the field at fault, `code` is the machine-readable reason."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class UnknownModel(UserError):
    """No such model, strategy or arm."""


class BadRequest(UserError):
    """A body or a parameter that cannot be meant."""


class BadSettings(UserError):
    """Settings that cannot be read; the message names the key and, where there is one, the line."""


class NotAllowed(UserError):
    """A key that is missing or wrong."""


class Forbidden(UserError):
    """What this key may not do."""


class QuotaExceeded(UserError):
    """More than this key may have; `retry_after` is in seconds, None where waiting does not help."""

    def __init__(self, message: str, *, code: str, retry_after: float | None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class ModelError(PointsmanError):
    """The model server's fault; `model` is its configured name, `retryable` whether another try may help."""

    retryable = False

    def __init__(self, message: str, *, model: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.model = model
        self.retry_after = retry_after


class ModelUnavailable(ModelError):
    """The model cannot be reached or loaded."""

    retryable = True


class NoMemory(ModelUnavailable):
    """The model does not fit in the memory that is left on `device`.

    It needs `needed` bytes of a `budget` of which the models hold `held`; the budget would be `alone` if nothing were
    held. With 0 `needed` they are not known.
    """

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        model: str = "",
        device: str = "",
        needed: int = 0,
        budget: int = 0,
        alone: int = 0,
        held: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(message, model=model)
        self.device = device
        self.needed, self.budget, self.alone, self.held = needed, budget, alone, held or {}


class ModelResting(ModelUnavailable):
    """The model failed too often of late and is left alone for a while. The server was not asked."""

    retryable = False


class ModelTimeout(ModelError):
    """The model did not answer in time."""

    retryable = True


class ModelOverloaded(ModelError):
    """The model has no room now."""

    retryable = True


class ModelBusy(ModelOverloaded):
    """Our own limits of the model are used up: its queue, its rate, its place in memory. The server was not asked."""

    retryable = False


class ContextTooLong(ModelError):
    """The prompt does not fit the model."""


class ModelRefused(ModelError):
    """The model will not answer this request."""


class StrategyError(PointsmanError):
    """A strategy could not finish."""


class BudgetExceeded(StrategyError):
    """The run wanted more calls, tokens or seconds than it may have."""


class UnreadableReply(StrategyError):
    """A model's reply that a strategy cannot parse."""


class StoreError(PointsmanError):
    """The log or the library cannot be read or written."""


class NoArmLeft(PointsmanError):
    """Every arm that could answer was tried and failed; `causes` holds why."""

    def __init__(self, message: str, causes: tuple[PointsmanError, ...] = ()) -> None:
        super().__init__(message)
        self.causes = causes


def first_of(failures: BaseExceptionGroup[PointsmanError]) -> PointsmanError:
    """The first error of a group, however deep it lies."""
    for failure in failures.exceptions:
        if isinstance(failure, PointsmanError):
            return failure
        if isinstance(failure, BaseExceptionGroup):
            return first_of(failure)
    return StrategyError(str(failures))
