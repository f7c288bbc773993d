"""Errors that nobody foresaw and that end no task in the background: it says so in the log and goes on."""

from models.errors import BROKEN, PointsmanError

DAMAGED = (ValueError, TypeError, LookupError, AttributeError)
"""What reading a damaged log raises (service.idle)."""
UNFORESEEN = (PointsmanError, *BROKEN)
"""What else may go wrong in one round of such a task, named: one that ends for good is worse than one that errs."""
