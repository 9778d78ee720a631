# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Times that a user types, and items of that time."""

from datetime import UTC, datetime

import pytest

from aeroseg.mapping.mosaics.stac_times import read_times

pystac = pytest.importorskip('pystac')
search = pytest.importorskip('pystac_client.item_search')


@pytest.mark.parametrize(
    'text',
    [
        '2024',
        '2024-02',
        '2024-12',
        '2024-02-29',
        '2024-05-01/2024-09',
        '2023/2024',
        '2024-05-01T12:00:00Z',
        '2024-05-01T12:00:00Z/2024-05-02T12:00:00Z',
    ],
)
def test_times_mean_what_an_api_is_asked_for(text: str) -> None:
    asked = search.ItemSearch('https://host/search', datetime=text)
    first, _, last = asked.get_parameters()['datetime'].partition('/')
    found = read_times(text)
    assert found.start == datetime.fromisoformat(first)
    assert found.end == datetime.fromisoformat(last or first)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('yesterday', 'is no time'),
        ('2024-13', 'is no time'),
        ('2023-02-29', 'is no time'),
        ('24-05', 'is no time'),
        ('', 'is no time'),
        ('..', 'is no time'),
        ('../..', 'is no time'),
        ('2024/2025/2026', 'is no time'),
        ('2024-05,2024-06', 'is no time'),
        ('9999', 'is no time'),
        ('2024-06/2024-05', 'ends before it starts'),
    ],
)
def test_what_is_no_time(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_times(text)


def test_items_with_a_moment_a_range_or_no_time() -> None:
    def item(time: datetime | None, **more: str) -> pystac.Item:
        return pystac.Item('a', None, None, time, more)

    may = read_times('2024-05')
    assert may.hold(item(datetime(2024, 5, 31, 23, tzinfo=UTC)))
    assert may.hold(item(datetime(2024, 5, 1)))
    assert not may.hold(item(datetime(2024, 6, 1, tzinfo=UTC)))
    span = {
        'start_datetime': '2024-04-01T00:00:00Z',
        'end_datetime': '2024-05-01T00:00:00Z',
    }
    assert may.hold(item(None, **span))
    assert not read_times('2024-05-02/..').hold(item(None, **span))
    assert read_times('../2024-04-01').hold(item(None, **span))
    assert not may.hold(pystac.Item('a', None, None, None, span | {
        'end_datetime': '2024-04-30T00:00:00Z'}))  # fmt: skip
