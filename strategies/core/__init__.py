"""The only thing strategies may import: their context, events, parsing, verification and the registry."""

from strategies.core.budget import Budget
from strategies.core.context import Context
from strategies.core.events import Answered, Called, Failed, Noted, Token
from strategies.core.query import Constraints, Example, Passage, Query
from strategies.core.registry import Peers, Strategy, find, load, strategy

__all__ = [
    "Answered",
    "Budget",
    "Called",
    "Constraints",
    "Context",
    "Example",
    "Failed",
    "Noted",
    "Passage",
    "Peers",
    "Query",
    "Strategy",
    "Token",
    "find",
    "load",
    "strategy",
]
