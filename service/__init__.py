"""Serving: HTTP in, events out."""

VERSION = "0.1.0"
