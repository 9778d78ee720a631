# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of engine/benchmark_case.py."""

from dataclasses import replace

import pytest
import torch
from benchmark_case import STAGES, Load, ModelCase
from measure import count_flops
from mmengine.config import Config


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_inference(tiny_config: Config, dtype: str) -> None:
    load = Load(classes=3, batch=2, size=64, dtype=dtype, repeat=2)
    case = ModelCase(load, tiny_config)
    figures = case.measure(rate=1e12)
    assert len(case.network.vocabulary) == 3
    assert figures['gflop_per_image'] > 0
    per_second = figures['images_per_second']
    assert figures['seconds_per_image'] == pytest.approx(1 / per_second)
    share = figures['gflop_per_image'] * per_second / 1000
    assert figures['share_of_matmul'] == pytest.approx(share)
    assert all(figures[f'{stage}_seconds'] > 0 for stage in STAGES)
    inner = figures['spatial_seconds'] + figures['classes_seconds']
    assert inner < figures['refinement_seconds']
    assert figures['text_seconds'] > 0


def test_inference_is_one_pass(tiny_config: Config) -> None:
    load = Load(classes=3, size=64)
    counts = []
    for mode in ('whole', 'slide_global'):
        tiny_config.model.test_cfg = {
            'mode': mode, 'crop_size': (64, 64), 'stride': (32, 32)
        }  # fmt: skip
        with torch.no_grad():
            case = ModelCase(load, tiny_config)
            case.model.eval()
            counts.append(count_flops(case.infer))
    assert counts[0] == counts[1] > 0


def test_training_changes_the_weights(tiny_config: Config) -> None:
    case = ModelCase(
        Load(classes=3, size=64, train=True, repeat=1), tiny_config
    )
    before = case.network.neck.embed.weight.detach().clone()
    figures = case.measure(rate=1e12)
    assert not before.equal(case.network.neck.embed.weight)
    assert 'share_of_matmul' not in figures
    assert figures['seconds_per_image'] > 0


def test_error_of_channels_last(tiny_config: Config) -> None:
    load = Load(classes=3, size=64, channels_last=True)
    case = ModelCase(load, tiny_config)
    case.model.eval()
    weight = case.network.neck.embed.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    assert case.error() < 1e-5


def test_error_of_half_precision(tiny_config: Config) -> None:
    tiny_config.model.guidance_encoder.dtype = 'bfloat16'
    load = Load(classes=3, size=64, dtype='bfloat16', repeat=1)
    case = ModelCase(load, tiny_config)
    case.model.eval()
    assert 0 < case.error() < 0.05
    exact = ModelCase(replace(load, dtype='float32'), tiny_config)
    assert exact.config.model.guidance_encoder.dtype == 'bfloat16'
