# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Sets of prompt templates."""

import pytest

from aeroseg.vocabulary.prompts import get_templates


def test_named_sets() -> None:
    assert len(get_templates('aeroseg')) == 4
    assert get_templates('generic') == ('A photo of a {} in a scene',)
    assert len(get_templates('imagenet')) == 80
    assert all(t.count('{}') == 1 for t in get_templates('imagenet'))


def test_own_sentences_are_checked() -> None:
    assert get_templates(['an {}.']) == ('an {}.',)
    with pytest.raises(ValueError, match='unknown prompt templates'):
        get_templates('clip')
    with pytest.raises(ValueError, match='must hold'):
        get_templates(['no place'])
    with pytest.raises(ValueError, match='at least one'):
        get_templates([])
