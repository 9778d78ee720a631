# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from aeroseg.visualization.text import get_font, text_width


def test_font_knows_more_than_latin_letters() -> None:
    font = get_font(20)
    missing = font.getmask('\U000f0000').getbbox()
    for letter in 'äßжλ':
        assert font.getmask(letter).getbbox() not in (None, missing)


def test_width_grows_with_text_and_size() -> None:
    assert text_width('ab', 20) > text_width('a', 20) > text_width('a', 10)
