"""Remembering: SQL lives here and nowhere else."""

from store.library import DocumentInfo, Habits, Library
from store.opening import Store, open_store
from store.ratings import Rated, UnknownDecision
from store.versions import UnknownVersion

__all__ = ["DocumentInfo", "Habits", "Library", "Rated", "Store", "UnknownDecision", "UnknownVersion", "open_store"]
