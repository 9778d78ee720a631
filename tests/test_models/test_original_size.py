# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Geometry undone as mmseg undoes it."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmseg.models.segmentors.base import BaseSegmentor
from mmseg.structures import SegDataSample

from aeroseg.models.original_size import to_original_size

METAS: list[dict[str, Any]] = [
    {'ori_shape': (20, 30)},
    {'ori_shape': (16, 12), 'padding_size': [0, 3, 1, 2]},
    {'ori_shape': (40, 24), 'img_padding_size': [2, 0, 0, 5]},
    {'ori_shape': (20, 30), 'flip': True, 'flip_direction': 'horizontal'},
    {'ori_shape': (9, 30), 'flip': True, 'flip_direction': 'vertical'},
    {'ori_shape': (20, 30), 'flip': False, 'flip_direction': None},
]


@pytest.mark.parametrize('meta', METAS)
def test_equals_mmseg(meta: dict[str, Any]) -> None:
    maps = torch.randn(3, 20, 30, dtype=torch.double)
    sample = SegDataSample(metainfo=meta)
    plain: Any = SimpleNamespace(align_corners=False)
    BaseSegmentor.postprocess_result(plain, maps[None], [sample])
    torch.testing.assert_close(
        to_original_size(maps, meta, align_corners=False),
        sample.seg_logits.data,
        rtol=0,
        atol=1e-12,
    )


def test_nothing_known_of_the_image() -> None:
    maps = torch.randn(3, 5, 7)
    assert torch.equal(to_original_size(maps, {}, align_corners=False), maps)


def test_an_unknown_flip() -> None:
    meta = {'flip': True, 'flip_direction': 'diagonal'}
    with pytest.raises(ValueError, match=r"'diagonal'.*'horizontal'"):
        to_original_size(torch.zeros(1, 2, 2), meta, align_corners=False)
