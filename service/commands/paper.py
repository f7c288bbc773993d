"""Where a command prints its tables: as wide as the terminal, and wide enough for them where there is none."""

from rich.console import Console

WIDE = 120
"""Columns of a pipe or a file, which have no width of their own."""


def paper() -> Console:
    """The standard output; numbers are not coloured."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)
