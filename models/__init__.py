"""Calling a model: back-ends behind one protocol; knows nothing of routing, strategies, HTTP or SQL."""
