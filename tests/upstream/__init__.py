"""A stand-in for a model server: OpenAI's protocol on a real socket, with faults that a test chooses while it runs."""

from tests.upstream.behaviour import Behaviour, Fault
from tests.upstream.server import Seen, Upstream

__all__ = ["Behaviour", "Fault", "Seen", "Upstream"]
