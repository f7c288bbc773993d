"""Which arms there are: every model with every strategy whose needs it meets, and which of them a request allows."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from models.backend import Backend
from models.errors import BadRequest, BadSettings, UnknownModel
from models.revision import revision_of
from router.revisions import revision
from router.types import Arm, Candidate, Split
from strategies.core import Constraints, Strategy, load
from strategies.core.registry import Param
from strategies.direct import direct

AUTO = "auto"
ON_REQUEST = frozenset({"clarify"})
"""What is there only for requests that allow it."""


class Catalog:
    """The arms of this service. An arm that needs documents comes and goes with them."""

    def __init__(
        self,
        backends: Mapping[str, Backend],
        enabled: Sequence[str] | None,
        params: Mapping[str, Mapping[str, Param]],
        offers: Callable[[], frozenset[str]],
        model_offers: Mapping[str, frozenset[str]],
        *,
        known: Mapping[str, Strategy] | None = None,
    ) -> None:
        """`enabled` None means all of `known` (the package's). Raises BadSettings for unknown ones."""
        known = load() if known is None else known
        names = sorted(known) if enabled is None else list(dict.fromkeys(enabled))
        for name in [*names, *params]:
            if name not in known:
                raise BadSettings(f"strategies: {name!r} is unknown; there are {', '.join(sorted(known))}")
        if AUTO in backends:
            raise BadSettings(f"models.{AUTO}: this name means that the router picks; give the model another one")
        self.strategies: Mapping[str, Strategy] = {name: known[name] for name in names}
        self._calls = {name: s.calls({**s.params, **params.get(name, {})}) for name, s in self.strategies.items()}
        self._params = params
        self._backends, self._offers, self._model_offers = backends, offers, model_offers
        self.renew()

    def renew(self) -> None:
        """Take note of models that came or went."""
        self._revisions = {
            Arm(model, name): revision(revision_of(backend), strategy, self._params.get(name, {}))
            for model, backend in self._backends.items()
            for name, strategy in self.strategies.items()
        }

    def arms(self) -> tuple[Arm, ...]:
        """Every arm that could run now on any request, by model and then by strategy."""
        return self._running(self._offers())

    def named(self) -> tuple[Arm, ...]:
        """Every arm that a request may name now, with those that it must allow besides."""
        return self._running(self._offers() | ON_REQUEST)

    def _running(self, offered: frozenset[str]) -> tuple[Arm, ...]:
        pairs = (Arm(model, strategy) for model in self._backends for strategy in self.strategies)
        return tuple(arm for arm in pairs if not self._missing(arm, offered))

    def split(self, arm: Arm) -> Split | None:
        """How the arm's calls divide between its model and the others; None where its own makes them all."""
        strategy = self.strategies[arm.strategy]
        if strategy.peers is None:
            return None
        params, offers = {**strategy.params, **self._params.get(arm.strategy, {})}, self._backends[arm.model].offers
        named = params.get("to")
        others = tuple(name for name in self._backends if name != arm.model and (not named or name == named))
        own, most = strategy.peers.own(params, offers), strategy.peers.most(params, offers)
        share = strategy.peers.share_of(params)
        return Split(own, most, share, others) if others and share else None

    def candidates(self, model: str, constraints: Constraints) -> tuple[Candidate, ...]:
        """The arms that a request allows; costs are left open.

        `model` is auto, auto@STRATEGY, MODEL or STRATEGY@MODEL. Raises UnknownModel for a name that there is not, and
        BadRequest, saying what stands in the way, if nothing is left.
        """
        models, strategies = self._named(model, constraints.models)
        self._check(constraints)
        arms = [Arm(m, s) for m in models for s in strategies]
        offered = self._offers() | (ON_REQUEST if constraints.clarify else frozenset())
        runnable = [arm for arm in arms if not self._missing(arm, offered)]
        if not runnable:
            missing = ", ".join(sorted(set().union(*(self._missing(arm, offered) for arm in arms))))
            raise BadRequest(
                f"model {model!r} needs {missing or 'a model'}, which is not to be had here", param="model"
            )
        allowed = [
            arm
            for arm in runnable
            if (not constraints.models or arm.model in constraints.models)
            and (not constraints.strategies or arm.strategy in constraints.strategies)
        ]
        if not allowed:
            raise BadRequest(
                f"model {model!r} leaves nothing of models {list(constraints.models) or 'any'} "
                f"and strategies {list(constraints.strategies) or 'any'}",
                param="pointsman",
            )
        limit = constraints.max_calls
        left = [
            Candidate(
                arm,
                self.strategies[arm.strategy],
                calls=self._calls[arm.strategy],
                revision=self._revisions[arm],
                split=self.split(arm),
            )
            for arm in allowed
        ]
        cheap = tuple(one for one in left if limit is None or one.calls <= limit)
        if not cheap:
            fewest = min(one.calls for one in left)
            raise BadRequest(f"max_calls is {limit} and every arm allowed makes at least {fewest:g}", param="max_calls")
        return cheap

    def direct(self, model: str, constraints: Constraints) -> tuple[Candidate, ...]:
        """Every model that a request allows, asked directly, whichever strategy it names. Raises as `candidates`."""
        models, _ = self._named(model, constraints.models)
        self._check(constraints)
        allowed = [name for name in models if not constraints.models or name in constraints.models]
        if not allowed:
            raise BadRequest(f"model {model!r} leaves nothing of models {list(constraints.models)}", param="pointsman")
        arms = [Arm(name, direct.name) for name in allowed]
        return tuple(Candidate(arm, direct, revision=self._revisions.get(arm, "")) for arm in arms)

    def _named(self, text: str, within: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        """The models and the strategies that the name of a request stands for; an error names the models `within`."""
        if text == AUTO:
            return list(self._backends), list(self.strategies)
        if text in self._backends:
            return [text], list(self.strategies)
        first, at, rest = text.partition("@")
        if at and first == AUTO and rest in self.strategies:
            return list(self._backends), [rest]
        if at and rest in self._backends and first in self.strategies:
            return [rest], [first]
        there = [name for name in self._backends if not within or name in within]
        hint = f"; did you mean auto@{text}" if text in self.strategies else ""
        raise UnknownModel(
            f"unknown model {text!r}{hint}. There are auto, auto@STRATEGY, MODEL and STRATEGY@MODEL with "
            f"{_listed('MODEL', there)} and {_listed('STRATEGY', self.strategies)}",
            param="model",
            code="model_not_found",
        )

    def _check(self, constraints: Constraints) -> None:
        for name in constraints.models:
            if name not in self._backends:
                raise UnknownModel(f"unknown {name!r}; {_listed('models', self._backends)}", param="models")
        for name in constraints.strategies:
            if name not in self.strategies:
                raise UnknownModel(f"unknown {name!r}; {_listed('strategies', self.strategies)}", param="strategies")

    def _missing(self, arm: Arm, offered: frozenset[str]) -> frozenset[str]:
        own = self._backends[arm.model].offers | self._model_offers.get(arm.model, frozenset())
        own |= frozenset({"peers"}) if len(self._backends) > 1 else frozenset()
        return self.strategies[arm.strategy].needs - own - offered


def _listed(what: str, names: Iterable[str]) -> str:
    return f"{what} {' | '.join(sorted(names)) or 'none'}"
