"""What all tests share: an environment without settings of the person who runs them."""

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("POINTSMAN_")]:  # noqa: TID251  # cleared, not read
        monkeypatch.delenv(name)
