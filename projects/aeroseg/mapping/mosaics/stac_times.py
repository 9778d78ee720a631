# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""When STAC items were taken, and which times a user asks for."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

_DATE = re.compile(r'(\d{4})(?:-(\d\d))?(?:-(\d\d))?')
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_OPEN = ('', '..')


class Times(NamedTuple):
    """A range of times.

    Attributes:
        start (datetime): Its first moment.
        end (datetime): Its last one.
    """

    start: datetime
    end: datetime

    def hold(self, item: Any) -> bool:
        """Whether some time of an item is in the range.

        Args:
            item (pystac.Item): An item without a time is in none.
        """
        known = item.common_metadata
        one = item.datetime
        first = known.start_datetime or one
        last = known.end_datetime or one
        if first is None or last is None:
            return False
        return _utc(first) <= self.end and _utc(last) >= self.start


def read_times(text: str) -> Times:
    """Read what a user types.

    Args:
        text (str): A year, month, day or moment, such as '2024-06'; or two
            of them with '/' between, of which one may be '..'.

    Raises:
        ValueError: If it is something else, or ends before it starts.
    """
    parts = [part.strip() for part in text.split('/')]
    if len(parts) > 2 or all(part in _OPEN for part in parts):
        raise ValueError(_refusal(text))
    try:
        start = _FIRST if parts[0] in _OPEN else _span(parts[0]).start
        end = _LAST if parts[-1] in _OPEN else _span(parts[-1]).end
    except (ValueError, OverflowError):
        raise ValueError(_refusal(text)) from None
    if end < start:
        raise ValueError(f'--datetime {text!r} ends before it starts')
    return Times(start, end)


def _span(text: str) -> Times:
    """From the first to the last moment of a year, a month or a day."""
    found = _DATE.fullmatch(text)
    if found is None:
        moment = _utc(datetime.fromisoformat(text))
        return Times(moment, moment)
    year, month, day = (int(part) if part else None for part in found.groups())
    start = datetime(year or 0, month or 1, day or 1, tzinfo=UTC)
    if day is not None:
        later = start + timedelta(days=1)
    elif month is not None:
        later = (start + timedelta(days=32)).replace(day=1)
    else:
        later = start.replace(year=start.year + 1)
    return Times(start, later - timedelta(seconds=1))


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _refusal(text: str) -> str:
    return (
        f'--datetime {text!r} is no time; allowed are such as 2024, 2024-06, '
        '2024-06-30, 2024-06-30T12:00:00Z, and two of them with / between, '
        'of which one may be ..'
    )
