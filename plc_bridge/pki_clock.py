"""The calendar, for the validity of certificates only (docs/decisions/0016-certificates-need-the-calendar.md)."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, aware of its zone."""
    return datetime.now(UTC)
