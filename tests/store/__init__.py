"""Tests of remembering: on real SQLite files and on a real PostgreSQL."""
