# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from aeroseg.apis.text_cache import TextCache, default_folder

QUERIES = (('road',), ('tree', 'forest'))


@pytest.fixture
def make(build_tiny: Callable, tmp_path: Path) -> Callable[[], TextCache]:
    def build() -> TextCache:
        torch.manual_seed(0)
        return TextCache(tmp_path / 'text', build_tiny().text_encoder)

    return build


def test_features_come_back_bit_by_bit(make: Callable[[], TextCache]) -> None:
    first, second = make(), make()
    assert not first.prepare(QUERIES)
    expected = first.encoder(QUERIES)
    assert second.prepare(QUERIES)

    def never(*_: object) -> None:
        raise AssertionError('encoded again')

    second.encoder.text.forward = never
    second.encoder._encode = never
    assert torch.equal(second.encoder(QUERIES), expected)


def test_words_weights_and_templates_are_the_key(
    make: Callable[[], TextCache],
) -> None:
    cache, other = make(), make()
    path = cache.path(QUERIES)
    assert other.path(QUERIES) == path
    assert cache.path(QUERIES[::-1]) != path
    assert cache.path((('road', 'street'), QUERIES[1])) != path
    with torch.no_grad():
        next(other.encoder.text.parameters()).add_(1e-3)
    assert TextCache(other.folder, other.encoder).path(QUERIES) != path
    cache.encoder.templates = ('a {}',) * 4
    assert cache.path(QUERIES) != path


def test_damaged_file_is_made_again(make: Callable[[], TextCache]) -> None:
    cache = make()
    cache.prepare(QUERIES)
    path = cache.path(QUERIES)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert not make().prepare(QUERIES)
    assert path.read_bytes() == whole
    assert make().prepare(QUERIES)


def test_folder_that_cannot_be_written_does_not_stop(
    make: Callable[[], TextCache], tmp_path: Path
) -> None:
    (tmp_path / 'text').write_text('a file is in the way')
    cache = make()
    assert not cache.prepare(QUERIES)
    assert cache.encoder(QUERIES).shape[0] == 2


def test_default_folder_follows_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', '/somewhere')
    assert default_folder() == Path('/somewhere/aeroseg/text')
