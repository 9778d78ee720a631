# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""RGB batches."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from aeroseg.models import RGBDataPreProcessor


def batch(*sizes: tuple[int, int], channels: int = 3) -> dict:
    samples = []
    for height, width in sizes:
        sample = SegDataSample()
        label = torch.zeros(1, height, width, dtype=torch.long)
        sample.gt_sem_seg = PixelData(data=label)
        sample.set_metainfo({'img_shape': (height, width)})
        samples.append(sample)
    images = [
        torch.arange(channels).view(-1, 1, 1).expand(-1, *size).byte()
        for size in sizes
    ]
    return {'inputs': images, 'data_samples': samples}


@pytest.mark.parametrize('training', [False, True])
def test_bgr_becomes_rgb_and_nothing_is_normalised(training: bool) -> None:
    data = RGBDataPreProcessor()(batch((4, 6), (4, 6)), training)
    assert data['inputs'].dtype == torch.float32
    assert data['inputs'][0, :, 0, 0].tolist() == [2, 1, 0]


def test_small_training_images_are_padded_grey_and_ignored() -> None:
    data = RGBDataPreProcessor(size=(8, 8))(batch((4, 6), (8, 5)), True)
    assert data['inputs'].shape == (2, 3, 8, 8)
    assert torch.all(data['inputs'][0, :, 4:] == 128)
    label = data['data_samples'][0].gt_sem_seg.data
    assert torch.all(label[:, 4:] == 255)
    assert torch.all(label[:, :4, :6] == 0)


@pytest.mark.parametrize('training', [False, True])
def test_different_sizes_without_padding(training: bool) -> None:
    with pytest.raises(ValueError, match=r'different sizes.*size_divisor'):
        RGBDataPreProcessor()(batch((4, 6), (4, 4)), training)


def test_other_channels_than_rgb() -> None:
    with pytest.raises(ValueError, match='not RGB'):
        RGBDataPreProcessor()(batch((4, 6), channels=4))
