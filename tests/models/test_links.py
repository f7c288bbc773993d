"""Images by address: handed on to servers that take addresses, refused where this process would have to fetch them."""

import pytest

from models.backend import ModelSpec
from models.errors import ModelRefused
from models.links import PASSED_ON, refuse_links
from models.remote import Remote
from models.types import Message, Part, Request, collect
from tests.upstream import Upstream

DATA = "data:image/png;base64,AAAA"


def showing(part: Part) -> Request:
    """A question about an image or a file."""
    return Request((Message("user", ({"type": "text", "text": "See http://a.example/x ?"}, part)),))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest"}},
        {"type": "image_url", "image_url": " HTTPS://a.example/x.png"},
        {"type": "file", "file": {"file_id": "https://a.example/x.pdf"}},
        {"type": "video_url", "video_url": {"url": "file:///etc/passwd"}},
        {"type": "document", "source": {"parts": [{"url": "gs://bucket/x"}]}},
    ],
)
def test_an_address_is_refused_unless_it_is_handed_on(part: Part) -> None:
    with pytest.raises(ModelRefused, match="data: URLs"):
        refuse_links(showing(part), "anthropic", "far")
    for provider in PASSED_ON:
        refuse_links(showing(part), provider, "far")


def test_bytes_and_addresses_in_words_pass_everywhere() -> None:
    refuse_links(showing({"type": "image_url", "image_url": {"url": DATA}}), "anthropic", "far")
    refuse_links(Request((Message("user", "What is at http://a.example ?"),)), "anthropic", "far")


async def test_litellm_is_not_asked_to_fetch_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or importing litellm asks the network for prices
    with Upstream() as server:
        spec = ModelSpec("remote", model="anthropic/claude-3-5-sonnet-20240620", api_base=server.url, api_key="k")
        backend = Remote("far", spec)
        image = {"type": "image_url", "image_url": {"url": f"{server.url}/secret.png"}}
        with pytest.raises(ModelRefused, match="'far' takes images"):
            await collect(backend.stream(showing(image)))
        await backend.close()
        assert server.requests == 0
