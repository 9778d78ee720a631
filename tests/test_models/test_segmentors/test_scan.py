# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""SCAN: queries against words, crops, and a run in the world."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from data.short_run import short_world_run
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from aeroseg.models import SCAN
from aeroseg.read_config import read_config
from aeroseg.vocabulary import Vocabulary

CLIP = {
    'embed_dim': 32,
    'vision_cfg': {
        'image_size': 32,
        'patch_size': 8,
        'width': 32,
        'layers': 4,
        'head_width': 16,
    },
    'text_cfg': {'width': 32, 'heads': 2, 'layers': 2},
}
NAMES = ('ship', 'harbor', 'plane')
Build = Callable[..., SCAN]


@pytest.fixture
def build(root: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """The world's system on a smaller CLIP, random, with changes."""
    monkeypatch.chdir(root)
    init_default_scope('mmseg')

    def make(**changes: Any) -> SCAN:
        torch.manual_seed(0)
        config = read_config('configs/demo/systems/scan_world.py').model
        clip = {'type': 'BlockCLIP', 'model': CLIP}
        parts = {'clip': clip, 'crop_clip': clip}
        parts['text_encoder'] = {
            'type': 'OpenCLIPTextEncoder',
            'model': CLIP,
            'trainable': 'none',
        }
        config.decode_head.update(num_queries=6, num_points=64)
        vocabulary = {'names': NAMES}
        settings = {**config, **parts, 'vocabulary': vocabulary, **changes}
        return MODELS.build(settings).eval()

    return make


@torch.no_grad()
def test_scores_are_the_sum_written_out(build: Build) -> None:
    model = build(crop_weight=0.6, shift_ratio=0.0)
    images = 255 * torch.rand(2, 3, 64, 96)
    clip = model.clip(images)
    masks, logits = model.forward_queries(images, clip)
    assert len(masks) == len(logits) == 1
    masks = F.interpolate(masks[0].double(), (64, 96), mode='bilinear')
    masks = masks.sigmoid()
    words = model._word_features()[:-1]
    expected = torch.zeros(2, 3, 64, 96, dtype=torch.float64)
    seen = 0
    for b in range(2):
        pixels = model.clip.normalise(images)[b]
        for q, mask in enumerate(masks[b]):
            inside = logits[0][b, q].double().softmax(0)[:-1]
            shown = mask > model.mask_threshold
            outside = torch.ones(3)
            if shown.any():
                rows = shown.any(1).nonzero().flatten()
                columns = shown.any(0).nonzero().flatten()
                box = (
                    slice(rows.min(), rows.max() + 1),
                    slice(columns.min(), columns.max() + 1),
                )
                crop = (pixels * shown)[:, box[0], box[1]][None]
                crop = F.interpolate(crop, (32, 32), mode='bicubic')
                unit = model.crop_clip.recognise(
                    crop,
                    torch.ones(1, 16, dtype=torch.bool),
                    clip.class_tokens[:, b],
                    0.0,
                    torch.zeros(1, 1, 16),
                )
                outside = (unit @ words.T)[0].softmax(0)
                seen += 1
            score = inside**0.4 * outside.double() ** 0.6
            expected[b] += score[:, None, None] * mask
    assert seen > 0
    found = model.class_logits(images)
    assert torch.allclose(found.double(), expected, atol=1e-3)


@torch.no_grad()
def test_without_weight_the_crops_do_nothing(build: Build) -> None:
    images = 255 * torch.rand(1, 3, 64, 64)
    model = build()
    with_crops = model.class_logits(images)
    model.crop_weight = 0.0
    first = model.class_logits(images)
    assert not torch.allclose(with_crops, first, atol=1e-4)
    # The limit, not the crops alone.
    model.crop_weight = 1e-6
    assert torch.allclose(model.class_logits(images), first, atol=1e-3)
    alone = build(crop_clip=None)
    assert alone.crop_weight == 0
    alone.load_state_dict(
        {k: v for k, v in model.state_dict().items() if 'crop_clip' not in k}
    )
    assert torch.allclose(alone.class_logits(images), first, atol=1e-5)
    # Masks that are nowhere sure enough have no crop.
    model.crop_weight, model.mask_threshold = 0.5, 1.0
    inside = model.forward_queries(images, model.clip(images))
    masks = F.interpolate(inside[0][0], (64, 64), mode='bilinear').sigmoid()
    chance = inside[1][0].softmax(-1)[..., :-1] ** 0.5
    expected = torch.einsum('bqt,bqhw->bthw', chance, masks)
    assert torch.allclose(model.class_logits(images), expected, atol=1e-4)


def test_an_image_has_the_same_result_in_any_batch(build: Build) -> None:
    model = build(shift_ratio=0.5)
    images = 255 * torch.rand(2, 3, 64, 64)
    both = model.predict(images)
    logits = [s.seg_logits.data for s in both]
    model.crop_chunk = 3
    for image, expected in zip(images, logits, strict=True):
        (one,) = model.predict(image[None])
        assert torch.allclose(one.seg_logits.data, expected, atol=1e-4)


@pytest.mark.parametrize('names', [('ship',), tuple('abcdefgh')])
def test_any_words_at_any_time(build: Build, names: tuple[str, ...]) -> None:
    model = build()
    images = 255 * torch.rand(1, 3, 70, 50)
    before = model.predict(images)[0].seg_logits.data
    model.set_vocabulary(Vocabulary(names, contrast=('sky',)))
    (result,) = model.predict(images)
    assert result.pred_sem_seg.data.shape == (1, 70, 50)
    assert result.seg_logits.data.shape == (len(names) + 1, 70, 50)
    model.set_vocabulary(Vocabulary(NAMES))
    assert torch.equal(model.predict(images)[0].seg_logits.data, before)


@pytest.mark.parametrize('empty', [False, True])
def test_a_step_trains_all_but_clip(build: Build, empty: bool) -> None:
    model = build().train()
    label = torch.full((1, 64, 64), 255)
    if not empty:
        label[:, 20:] = torch.randint(0, 3, (1, 44, 64))
    sample = SegDataSample()
    sample.gt_sem_seg = PixelData(data=label)
    losses = model.loss(255 * torch.rand(1, 3, 64, 64), [sample])
    assert len(losses) == 4 * 3  # three layers: four predictions
    assert all(torch.isfinite(loss) for loss in losses.values())
    sum(losses.values()).backward()
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    moved = {n for n, p in model.named_parameters() if p.grad is not None}
    assert trained == moved
    parts = {name.split('.')[0] for name in trained}
    assert not parts & {'clip', 'crop_clip', 'text_encoder'}
    assert {'backbone', 'neck', 'decode_head', 'integration'} <= parts


def test_masks_are_learned(build: Build) -> None:
    model = build(logit_scale=5.0).train()
    label = torch.zeros(1, 64, 64, dtype=torch.long)
    label[:, 32:] = 2
    sample = SegDataSample()
    sample.gt_sem_seg = PixelData(data=label)
    images = torch.full((1, 3, 64, 64), 30.0)
    images[:, :, 32:] = 220
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-3)
    course = []
    for _ in range(25):
        losses = model.loss(images, [sample])
        course.append(float(losses['decode.loss_mask_dice'].detach()))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
    assert course[-1] < course[0] / 5


def test_a_run_in_the_world(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    config = short_world_run('configs/demo/systems/scan_world.py', tmp_path)
    config.model.decode_head.num_queries = 4
    Runner.from_cfg(config).train()
    config.load_from = str(tmp_path / 'iter_2.pth')
    config.experiment_name = 'scan world test'
    scores = Runner.from_cfg(config).test()
    assert {'s-mIoU', 'u-mIoU', 'h-mIoU'} <= set(scores)


def test_shares_are_checked(build: Build) -> None:
    with pytest.raises(ValueError, match=r'crop_weight=1\.2'):
        build(crop_weight=1.2)


def test_sizes_are_those_of_the_published_network(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    path = 'configs/scan/scan_vit-b16_1xb32-120k_isaid-640x640.py'
    model = read_config(path).model
    init_default_scope('mmseg')
    millions = {}
    for name in ('backbone', 'neck'):
        part = MODELS.build(model[name])
        millions[name] = sum(p.numel() for p in part.parameters()) / 1e6
    assert round(millions['backbone'], 1) == 86.9
    assert round(millions['neck'], 1) == 5.5
    with torch.device('meta'):
        clip = MODELS.build(model.clip)
    assert not any(p.requires_grad for p in clip.parameters())
