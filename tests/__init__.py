"""Tests, in the order of the packages; each name is a sentence about behaviour."""
