# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The published CAT-Seg and OVRS networks, stage by stage, to 1e-4."""

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from aeroseg.checkpoints.published_keys import convert_published
from aeroseg.models import AerOSeg
from aeroseg.models.layers.clip_pretrained import load_tower, select_tower
from aeroseg.models.necks.correlation_neck import correlate

NAMES = ['catseg_b2_t5', 'catseg_b1_t9_shift', 'ovrs_b2_t5_p4']


class Golden(NamedTuple):
    model: AerOSeg
    tensors: dict[str, Tensor]


def build(meta: dict[str, str], tensors: dict[str, Tensor]) -> AerOSeg:
    hidden, heads, pool = (
        int(meta['hidden']), int(meta['heads']), int(meta['pooling'][1])
    )  # fmt: skip
    clip = {
        'embed_dim': 64,
        'quick_gelu': True,
        'vision_cfg': {
            'image_size': 64,
            'patch_size': 16,
            'width': 128,
            'layers': 3,
            'head_width': 64,
        },
        'text_cfg': {'width': 128, 'heads': 2, 'layers': 2},
    }
    ovrs = meta['system'] == 'ovrs'
    return AerOSeg(
        backbone={
            'type': 'RotatedCLIP',
            'model': clip,
            'rotations': (0, 90, 180, 270) if ovrs else (0,),
            'out_indices': (0, 1),
        },
        text_encoder={
            'type': 'OpenCLIPTextEncoder',
            'model': clip,
            'templates': ['{}'] * int(meta['prompts']),
        },
        guidance_encoder={'type': 'CLIPGuidance'},
        neck={
            'type': 'CorrelationNeck',
            'embed_dims': hidden,
            'guidance_dims': hidden,
            'text_dims': hidden,
            'num_heads': heads,
            'window_size': int(meta['window']),
            'pool_train': pool,
            'pool_test': pool,
            'num_slots': int(meta['pad_len']),
        },
        decode_head={
            'type': 'AttentionUpsampleHead',
            'attention': ovrs,
            # The golden file starts at the upsampled guidance maps.
            'guidance_channels': (24, 20),
            'guidance_index': (0, 1),
            'guidance_dims': [
                tensors[f'aggregator.decoder_guidance_projection.{i}.0.bias']
                .numel() for i in range(2)
            ],
            'stage_channels': [
                tensors[f'aggregator.decoder{i}.conv.double_conv.1.bias']
                .numel() for i in (1, 2)
            ],
        },
    ).eval()  # fmt: skip


@pytest.fixture(params=NAMES)
def golden(request: pytest.FixtureRequest, shared_dir: Path) -> Golden:
    path = shared_dir / 'golden' / f'{request.param}.safetensors'
    if not path.is_file():
        pytest.skip(f'no {path.name} in the folder next to the checkout')
    tensors = load_file(path)
    with safe_open(path, 'pt') as file:
        model = build(file.metadata(), tensors)
    clip = {
        k.removeprefix('clip.'): v
        for k, v in tensors.items()
        if k.startswith('clip.') and not k.endswith('logit_scale')
    }
    load_tower(model.backbone.visual, select_tower(clip, 'visual'), 'golden')
    text = select_tower(
        {k: v for k, v in clip.items() if not k.startswith('visual.')}, 'text'
    )
    load_tower(model.text_encoder.text, text, 'golden')
    rest = {k: v for k, v in tensors.items() if k.startswith('aggregator.')}
    own = {
        k: v
        for k, v in model.state_dict().items()
        if not k.startswith(('neck', 'decode_head'))
    }
    model.load_state_dict({**own, **convert_published(rest)}, strict=True)
    return Golden(model, tensors)


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-4)


@torch.no_grad()
def dense_features(golden: Golden) -> Tensor:
    backbone = golden.model.backbone
    backbone.mean.zero_()
    backbone.std.fill_(1)
    return backbone(golden.tensors['in.image'])


def test_dense_clip(golden: Golden) -> None:
    features = dense_features(golden)
    for index in range(features.dense.shape[1]):
        expected = golden.tensors[f'out.dense_rot{index}'][:, 1:]
        grid = features.dense.shape[-2:]
        expected = expected.transpose(1, 2).unflatten(2, grid)
        turned = torch.rot90(features.dense[:, index], index, dims=(2, 3))
        close(turned, expected)
    for index, actual in enumerate(features.intermediate):
        close(actual, golden.tensors[f'in.clip_block{index}'])
    close(
        features.dense[:, features.upright],
        golden.tensors['in.guidance_res3'],
    )


@torch.no_grad()
def test_text(golden: Golden) -> None:
    expected = golden.tensors['in.text_features']
    encoder = golden.model.text_encoder
    features = encoder._encode_tokens(golden.tensors['in.tokens'])
    features = torch.nn.functional.normalize(features, dim=-1)
    close(features.unflatten(0, expected.shape[:2]), expected)


@torch.no_grad()
def test_correlation(golden: Golden) -> None:
    dense = dense_features(golden).dense
    maps = correlate(dense, golden.tensors['in.text_features'])
    close(maps.transpose(1, 2), golden.tensors['out.correlation'])


@torch.no_grad()
def test_embedding(golden: Golden) -> None:
    maps = golden.tensors['out.correlation'].transpose(1, 2)
    x = golden.model.neck.embed_correlation(maps)
    close(channels_first(x), golden.tensors['out.corr_embed'])


@torch.no_grad()
def test_spatial_refinement(golden: Golden) -> None:
    neck = golden.model.neck
    guidance = neck.project_guidance(golden.tensors['in.guidance_res3'])
    x = channels_last(golden.tensors['out.corr_embed'])
    x = neck.layers[0].spatial(x, guidance)
    close(channels_first(x), golden.tensors['out.layer0_spatial'])


@torch.no_grad()
@pytest.mark.parametrize('chunk', [0, 2])
def test_class_refinement(golden: Golden, chunk: int) -> None:
    neck = golden.model.neck
    text = neck.project_text(golden.tensors['in.text_features'])
    x = channels_last(golden.tensors['out.layer0_spatial']).clone()
    x = neck.layers[0].classes(x, text, chunk)
    close(channels_first(x), golden.tensors['out.layer0_class'])


@torch.no_grad()
@pytest.mark.parametrize('chunk', [1, 32])
def test_logits(golden: Golden, chunk: int) -> None:
    model, tensors = golden
    model.neck.class_chunk = model.decode_head.class_chunk = chunk
    refined = model.neck(
        dense_features(golden).dense,
        tensors['in.text_features'],
        tensors['in.guidance_res3'],
    )
    guidance = [
        project.conv(tensors[name]).relu()
        for project, name in zip(
            model.decode_head.guidance_proj,
            ('in.guidance_res4', 'in.guidance_res5'),
            strict=True,
        )
    ]
    close(model.decode_head.decode(refined, guidance), tensors['out.logits'])


def channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 4, 1)


def channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 4, 1, 2, 3)
