# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""SED as a system; its equality is in tests/test_golden_sed.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from aeroseg.models import SED
from aeroseg.vocabulary import Vocabulary

Build = Callable[..., SED]


@pytest.fixture
def build(root: Path) -> Build:
    def build_sed(classes: int = 3, **changes: Any) -> SED:
        path = root / 'configs' / '_base_' / 'models' / 'sed_tiny.py'
        config = Config.fromfile(path)
        config.merge_from_dict({f'model.{k}': v for k, v in changes.items()})
        model = MODELS.build(config.model).eval()
        names = tuple(f'class {index}' for index in range(classes))
        model.set_vocabulary(Vocabulary(names))
        return model

    return build_sed


@pytest.mark.parametrize('size', [(64, 64), (37, 90), (1, 1)])
@pytest.mark.parametrize('input_size', [(64, 64), None])
@torch.no_grad()
def test_any_size(
    build: Build, size: tuple[int, int], input_size: tuple | None
) -> None:
    model = build(**{'backbone.input_size': input_size})
    logits = model.class_logits(255 * torch.rand(2, 3, *size))
    assert logits.shape == (2, 3, *size)
    assert torch.isfinite(logits).all()


@torch.no_grad()
def test_the_vocabulary_switches(build: Build) -> None:
    model, image = build(), 255 * torch.rand(1, 3, 64, 64)
    model.set_vocabulary(Vocabulary(('road', 'tree', 'water')))
    logits = model.class_logits(image)
    model.set_vocabulary(Vocabulary(('water', 'road', 'tree')))
    torch.testing.assert_close(
        model.class_logits(image), logits[:, [2, 0, 1]], rtol=0, atol=1e-5
    )
    model.set_vocabulary(Vocabulary(('ship',)))
    assert model.class_logits(image).shape[1] == 1


@pytest.mark.parametrize('k', [0, 1])
@torch.no_grad()
def test_labels_are_the_same_without_logits(build: Build, k: int) -> None:
    model = build(37, **{'decode_head.rejection_k': k})
    image, results = 255 * torch.rand(1, 3, 50, 70), []
    for keep in (True, False):
        model.test_cfg['keep_logits'] = keep
        results.append(model.predict(image)[0].pred_sem_seg.data)
    assert torch.equal(*results)
    assert len(results[0].unique()) > 1


@torch.no_grad()
def test_a_rejected_class_never_wins(build: Build) -> None:
    model = build(40, **{'decode_head.rejection_k': 1})
    (result,) = model.predict(255 * torch.rand(1, 3, 64, 64))
    logits = result.seg_logits.data
    rejected = (logits.sigmoid() == 0).all(dim=2).all(dim=1)
    assert rejected.any()
    won = result.pred_sem_seg.data.unique()
    assert not torch.isin(rejected.nonzero().flatten(), won).any()


def test_training_step(build: Build) -> None:
    model = build().train()
    before = {k: v.clone() for k, v in model.named_parameters()}
    labels = torch.randint(0, 3, (2, 1, 64, 64))
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=label)) for label in labels
    ]
    losses = model.loss(255 * torch.rand(2, 3, 64, 64), samples)
    total, _ = model.parse_losses(losses)
    names = ['loss_bce', *(f'aux{i}.loss_bce' for i in range(3))]
    torch.testing.assert_close(
        total, sum(losses[f'decode.{name}'] for name in names)
    )
    total.backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None for p in trained)
    torch.optim.AdamW(trained, weight_decay=0.1).step()
    changed = {
        k for k, v in model.named_parameters() if not torch.equal(v, before[k])
    }
    assert not any(k.startswith('text_encoder') for k in changed)
    for part in ('backbone', 'decode_head'):
        assert any(k.startswith(part) for k in changed), part


@pytest.fixture
def full(root: Path) -> Config:
    init_default_scope('mmseg')
    name = 'sed_convnext-b_1xb4-80k_isaid-768x768.py'
    return Config.fromfile(root / 'configs' / 'baselines' / name)


def test_published_numbers_of_parameters(full: Config) -> None:
    with torch.device('meta'):
        model = MODELS.build(full.model)
    count = lambda part: sum(p.numel() for p in part.parameters())  # noqa: E731
    assert count(model.backbone) == 88_221_824
    assert count(model.decode_head) == 1_376_396
    trained = [p.numel() for p in model.parameters() if p.requires_grad]
    assert sum(trained) == 89_598_220


def test_the_large_model_is_a_change_of_names(full: Config) -> None:
    full.model.backbone.update(
        model='convnext_large_d_320', drop_path=0.1, dropout=0.1
    )
    full.model.text_encoder.model = 'convnext_large_d_320'
    with torch.device('meta'):
        model = MODELS.build(full.model)
    stages = model.decode_head.stages
    guidance = [stage.guidance_proj[0].in_channels for stage in stages]
    assert guidance == [768, 384, 192]


def test_learning_rates_and_weight_decay_as_published(full: Config) -> None:
    """By the published rule: only norms of torch's classes do not decay."""
    with torch.device('meta'):
        model = MODELS.build(full.model)
    wrapper = build_optim_wrapper(model, full.optim_wrapper)
    groups = {
        parameter: group
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }
    kinds = (nn.LayerNorm, nn.GroupNorm)
    seen = set()
    for path, module in model.named_modules():
        for parameter in module.parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            group = groups[parameter]
            clip = path.startswith('backbone')
            own_norm = path.endswith('spatial.norm')
            decays = own_norm or not isinstance(module, kinds)
            assert group['lr'] == pytest.approx(2e-6 if clip else 2e-4), path
            assert group['weight_decay'] == (1e-4 if decays else 0), path
            seen.add((clip, decays))
    assert len(seen) == 4
