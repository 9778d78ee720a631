# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from aeroseg.visualization.text import fit_text, get_font, text_width


def test_font_knows_more_than_latin_letters() -> None:
    font = get_font(20)
    missing = font.getmask('\U000f0000').getbbox()
    for letter in 'äßжλ':
        assert font.getmask(letter).getbbox() not in (None, missing)


def test_width_grows_with_text_and_size() -> None:
    assert text_width('ab', 20) > text_width('a', 20) > text_width('a', 10)


def test_a_long_text_is_shortened_to_its_width() -> None:
    long = 'aeroseg_vit-b16_sam-l_1xb4-10k_isaid-384x384'
    short = fit_text(long, 120, 14)
    assert short.endswith('…')
    assert long.startswith(short[:-1])
    assert 90 < text_width(short, 14) <= 120
    assert fit_text('road', 120, 14) == 'road'
    assert fit_text(long, 1, 14) == ''
