"""One command for each claim that the README makes; each prints its table, and keeps it in docs/ with --write."""
