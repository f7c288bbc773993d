"""Choosing, tested with scripted models and planted truths."""
