"""Remembering: SQL lives here and nowhere else."""
