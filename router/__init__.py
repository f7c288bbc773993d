"""Choosing: which model answers, asked in which way. Pure: no HTTP, no SQL."""
