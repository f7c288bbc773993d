"""What all tests share: an environment without settings of the person who runs them."""

import os
from collections.abc import Iterator

import pytest

from models.memory import LEDGER


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("POINTSMAN_")]:  # noqa: TID251  # cleared, not read
        monkeypatch.delenv(name)


@pytest.fixture(scope="module", autouse=True)
def _no_model_left_open() -> Iterator[None]:
    """A model that a file's tests leave open would take its memory from the next file's."""
    yield
    left = LEDGER.held("cpu")
    assert left == {}, f"these models were left open: {', '.join(left)}"
