"""Which version of an arm answers: its model, its strategy's parameters and its strategy's prompts, as one digest.

When it changes, what was learned of the arm is about another one: a policy starts anew, with the old as its prior.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from models.revision import digest, digest_of
from strategies.core import Strategy
from strategies.core.registry import Param


def revision(model: str, strategy: Strategy, params: Mapping[str, Param]) -> str:
    """The digest of an arm: `model` is its model's revision, `params` what the settings say of its strategy."""
    return digest(model, version(strategy, params))


def version(strategy: Strategy, params: Mapping[str, Param]) -> str:
    """The digest of a strategy: its parameters, the texts in capitals of its file, and the files that either name."""
    values = {**strategy.params, **params}
    module = vars(sys.modules[strategy.run.__module__])
    constants = {name: value for name, value in module.items() if name.isupper()}
    texts = {name: value for name, value in constants.items() if _is_text(value)}
    paths = [value for value in constants.values() if isinstance(value, Path)]
    paths += [Path(value) for value in values.values() if isinstance(value, str) and value.endswith(".json")]
    files = sorted(digest(path.read_text("utf-8", "replace")) for path in paths if path.is_file())
    return digest(strategy.name, digest_of(values), digest_of(texts), *files)


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, tuple) and all(isinstance(one, str) for one in value))
