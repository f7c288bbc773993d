"""One service with scripted models and one over the stub upstream, shared by the examples' tests."""

from collections.abc import Iterator

import pytest

from tests.service.clients.conftest import Stubbed, says
from tests.service.serving import Served, served, settings
from tests.upstream import Behaviour, Upstream


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two scripted models, no key."""
    with served(settings(tmp_path_factory.mktemp("examples"))) as running:
        yield running


@pytest.fixture(scope="package")
def stubbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stubbed]:
    """A model that calls tools and keeps to schemas, and what reached it."""
    with Upstream(Behaviour(says=says)) as upstream:
        model = {"backend": "remote", "model": "stub", "api_base": f"{upstream.url}/v1"}
        with served(settings(tmp_path_factory.mktemp("stubbed"), {"stub": model})) as running:
            yield Stubbed(running, upstream)
