"""Whose names and pages may talk to a service that asks for no key: this machine's own, and those of the settings.

Any page's name can be made to resolve to this machine (DNS rebinding), and any page can have a browser post here. The
browser says so: in `Host` the page's name, in `Origin` where it comes from.
"""

import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers

from models.errors import Forbidden
from service.feedback_links import is_link
from service.sections import Server

READING = frozenset({"GET", "HEAD", "OPTIONS"})
USUAL = {"http": ":80", "https": ":443"}
"""Ports that browsers leave out."""
HOW = "or make a key with `python -m service keys create NAME`"


class Hosts:
    """The names that a request may call the service by, and the origins that may post, while there is no key."""

    def __init__(self, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._hosts = frozenset({"localhost", *map(_name, hosts)})
        self._origins = frozenset(origins)

    @classmethod
    def of(cls, server: Server) -> "Hosts":
        """Those of the settings: `hosts`, `cors_origins`, and the names that the service gives itself."""
        own = [] if server.public_url is None else [_origin(server.public_url)]
        hosts = [*server.hosts, server.host, *(one.partition("://")[2] for one in own)]
        return cls([one for one in hosts if one], [*server.cors_origins, *own])

    def check(self, headers: Headers, method: str, path: str) -> None:
        """Raises Forbidden for another name, and where a page of another origin does more than read."""
        host = headers.get("host", "")
        if host and not self._is_ours(_name(host)):  # no browser leaves it out
            raise Forbidden(
                f"this service asks for no key, so it answers to names of this machine only, not to {host!r:.200}: "
                f"add the name to server.hosts, {HOW}",
                param="server.hosts",
            )
        origin = headers.get("origin")
        if method in READING or origin is None or self._may_post(origin, host):
            return
        if is_link(path):  # its page tells no origin, and nobody guesses the id in its path
            return
        raise Forbidden(
            f"this service asks for no key, so pages of {origin!r:.200} may not post to it: "
            f"add the origin to server.cors_origins, {HOW}",
            param="server.cors_origins",
        )

    def _is_ours(self, name: str) -> bool:
        if name in self._hosts:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def _may_post(self, origin: str, host: str) -> bool:
        if origin in self._origins or "*" in self._origins:
            return True
        return bool(host) and origin.partition("://")[2].lower() == host.lower()


def _origin(url: str) -> str:
    """Where pages of the address come from, as browsers write it."""
    scheme, _, rest = url.partition("://")
    netloc = rest.partition("/")[0].rpartition("@")[2].lower()
    return f"{scheme}://{netloc.removesuffix(USUAL[scheme])}"


def _name(host: str) -> str:
    """Without the port, the brackets of an IPv6 address and the dot at the end."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    name = host if host.count(":") > 1 else host.partition(":")[0]
    return name.rstrip(".").lower()
