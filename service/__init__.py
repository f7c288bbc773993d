"""Serving: HTTP in, events out."""
