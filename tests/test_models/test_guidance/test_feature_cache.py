# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of models/guidance/feature_cache.py."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aeroseg.models.guidance import SAMGuidance
from aeroseg.models.guidance.feature_cache import FeatureCache, digest

SMALL = {
    'embed_dim': 16,
    'depth': 3,
    'num_heads': 2,
    'img_size': 64,
    'global_attn_indexes': (2,),
    'window_size': 3,
}


def encoder(folder: Path | None, seed: int = 0, **kwargs: Any) -> SAMGuidance:
    torch.manual_seed(seed)
    cache = None if folder is None else {'folder': str(folder)}
    module = SAMGuidance(SMALL, cache=cache, **kwargs)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.2)
    return module


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob('*.safetensors'))


def test_second_look_is_read_and_equal(tmp_path: Path) -> None:
    module = encoder(tmp_path)
    image = torch.rand(2, 3, 48, 64) * 255
    first = module(image)
    assert (module.cache.hits, module.cache.lookups) == (0, 2)
    assert len(files(tmp_path)) == 2
    second = module(image)
    assert (module.cache.hits, module.cache.lookups) == (2, 4)
    assert module.cache.hit_rate == 0.5
    exact = encoder(None)(image)
    for a, b, c in zip(first, second, exact, strict=True):
        assert torch.equal(a, b)
        assert a.dtype is torch.float32
        torch.testing.assert_close(a, c, rtol=1e-3, atol=1e-3)


def test_half_a_batch_is_computed(tmp_path: Path) -> None:
    module = encoder(tmp_path)
    images = torch.rand(3, 3, 32, 32) * 255
    module(images[1:2])
    features = module(images)
    assert (module.cache.hits, module.cache.lookups) == (1, 4)
    for a, b in zip(features, encoder(None)(images), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_another_image_weight_setting_or_precision_misses(
    tmp_path: Path,
) -> None:
    image = torch.rand(1, 3, 32, 32) * 255
    encoder(tmp_path)(image)
    for other, what in (
        (encoder(tmp_path), image.flip(-1)),
        (encoder(tmp_path), image + 1e-3),
        (encoder(tmp_path, seed=1), image),
        (encoder(tmp_path, last='neck'), image),
        (encoder(tmp_path, dtype='bfloat16'), image),
    ):
        other(what)
        assert other.cache.hits == 0
    same = encoder(tmp_path)
    with torch.autocast('cpu', torch.bfloat16):
        same(image)
    assert same.cache.hits == 0
    same(image)
    assert same.cache.hits == 1


def test_changed_weights_are_noticed(tmp_path: Path) -> None:
    module = encoder(tmp_path)
    image = torch.rand(1, 3, 32, 32) * 255
    before = module(image)
    module.load_state_dict(encoder(None, seed=3).state_dict())
    after = module(image)
    assert module.cache.hits == 0
    assert not torch.equal(before[2], after[2])


def test_a_broken_file_is_a_miss_and_is_replaced(tmp_path: Path) -> None:
    module = encoder(tmp_path)
    image = torch.rand(1, 3, 32, 32) * 255
    before = module(image)
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    after = module(image)
    assert module.cache.hits == 0
    assert path.read_bytes() == whole
    assert all(map(torch.equal, before, after))


def test_never_grows_beyond_its_size(tmp_path: Path) -> None:
    one = torch.zeros(1000, dtype=torch.half)
    cache = FeatureCache(tmp_path, max_gib=4500 / 2**30)
    assert [cache.write('e', f'i{k}', [one]) for k in range(4)] == [
        True,
        True,
        False,
        False,
    ]
    assert FeatureCache(tmp_path, max_gib=4500 / 2**30).room < 500
    assert cache.read('e', 'i0') is not None
    assert cache.read('e', 'i3') is None


def test_values_beyond_float16_are_kept_exact_and_unstored(
    tmp_path: Path,
) -> None:
    cache = FeatureCache(tmp_path)

    def compute(images: Tensor) -> list[Tensor]:
        return [images.flatten(1) * 1e6]

    images = torch.rand(2, 3, 2, 2) + 0.5
    (maps,) = cache.recall('e', images, compute)
    torch.testing.assert_close(maps, images.flatten(1) * 1e6)
    assert files(tmp_path) == []


def test_logs_the_hit_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    name = 'aeroseg.models.guidance.feature_cache'
    monkeypatch.setattr(f'{name}._LOG_EVERY', 2)
    monkeypatch.setattr(
        f'{name}.print_log', lambda line, logger: lines.append(line)
    )
    cache = FeatureCache(tmp_path)
    cache.write('e', 'a', [torch.zeros(1).half()])
    cache.read('e', 'a')
    cache.read('e', 'b')
    assert len(lines) == 1
    assert '1 of 2 images found (50%), room for 20.0 GiB more' in lines[0]


def test_only_a_frozen_encoder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='frozen=True or cache=None'):
        encoder(tmp_path, frozen=False)
    with pytest.raises(ValueError, match='max_gib'):
        FeatureCache(tmp_path, max_gib=0)


def test_digest_sees_values_shapes_types_and_settings() -> None:
    x = torch.arange(6.0)
    names = {
        digest([x]),
        digest([x.view(2, 3)]),
        digest([x.view(2, 3).t()]),
        digest([x.half()]),
        digest([x.bfloat16()]),
        digest([x], {'a': 1}),
        digest([x, x]),
        digest([torch.tensor(1.0)]),
    }
    assert len(names) == 8
    assert digest([x]) == digest([x.clone()])
