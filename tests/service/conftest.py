"""One service with two scripted models for the tests that leave no traces, one of its own for those that do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.serving import Served, served, settings


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that the tests of a file share."""
    with served(settings(tmp_path_factory.mktemp("service"))) as running:
        yield running


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A service with an empty log."""
    with served(settings(tmp_path)) as running:
        yield running
