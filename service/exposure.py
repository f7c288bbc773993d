"""Nobody listens beyond this machine without a key."""

import ipaddress

from models.errors import BadSettings
from service.sections import Settings
from store.keys import opened_keys

SHORTEST = 16
"""Characters of a key of the settings that is believed to be none that people guess."""
HOW = "make one with `python -m service keys create NAME` (with the same --config or --db), or set server.api_keys"


def check_exposure(settings: Settings, address: str) -> None:
    """Whether the service may listen at this IP address. Raises BadSettings, StoreError.

    Beyond loopback it needs a key, in the settings or in the database, and one in the settings must be long enough.
    """
    if _is_loopback(address):
        return
    weak = [i + 1 for i, key in enumerate(settings.server.api_keys) if len(key) < SHORTEST]
    if weak:
        raise BadSettings(
            f"server.api_keys: key {weak[0]} has fewer than {SHORTEST} characters; that is too few to listen on "
            f"{address}: {HOW}",
            param="server.api_keys",
        )
    if settings.server.api_keys:
        return
    with opened_keys(settings.store.url, settings.store.wait_seconds) as keys:
        if keys.count() == 0:
            raise BadSettings(f"server.host: listening on {address} needs an API key: {HOW}", param="server.host")


def _is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])  # without the zone of a link-local address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
