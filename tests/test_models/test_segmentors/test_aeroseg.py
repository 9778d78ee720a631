# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The whole model."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.apis import inference_model
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from aeroseg.models import AerOSeg
from aeroseg.vocabulary import Vocabulary

Build = Callable[..., AerOSeg]


def image(batch: int = 1, height: int = 64, width: int = 64) -> Tensor:
    return 255 * torch.rand(batch, 3, height, width)


def samples(labels: Tensor) -> list[SegDataSample]:
    result = []
    for label in labels:
        sample = SegDataSample()
        sample.gt_sem_seg = PixelData(data=label[None])
        size = tuple(label.shape)
        sample.set_metainfo(
            {'ori_shape': size, 'img_shape': size, 'pad_shape': size}
        )
        result.append(sample)
    return result


@pytest.mark.parametrize('classes', [1, 2, 17, 300])
@pytest.mark.parametrize(
    ('batch', 'size'), [(1, (64, 64)), (3, (48, 80)), (1, (37, 90))]
)
@torch.no_grad()
def test_any_vocabulary_batch_and_size(
    build_tiny: Build, classes: int, batch: int, size: tuple[int, int]
) -> None:
    model = build_tiny([f'class {i}' for i in range(classes)])
    logits = model.class_logits(image(batch, *size))
    assert logits.shape == (batch, classes, *size)
    assert torch.isfinite(logits).all()


@torch.no_grad()
def test_permuting_the_vocabulary_permutes_the_logits(
    build_tiny: Build,
) -> None:
    model, given = build_tiny(('road', 'tree', 'water')), image()
    logits = model.class_logits(given)
    model.set_vocabulary(Vocabulary(('water', 'road', 'tree')))
    permuted = model.class_logits(given)
    torch.testing.assert_close(
        permuted, logits[:, [2, 0, 1]], rtol=1e-4, atol=1e-5
    )


@torch.no_grad()
def test_a_batch_is_its_images(build_tiny: Build) -> None:
    model, given = build_tiny(), image(2)
    together = model.class_logits(given)
    alone = torch.cat([model.class_logits(one[None]) for one in given])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_vocabulary_switches_in_one_process(build_tiny: Build) -> None:
    model, given = build_tiny(('road', 'tree')), image()
    before = model.class_logits(given)
    model.set_vocabulary(Vocabulary.parse('ship; plane; harbor'))
    assert model.class_logits(given).shape[1] == 3
    model.set_vocabulary(Vocabulary.parse('ship; plane'))
    assert (model.class_logits(given) - before).abs().max() > 1e-5
    model.set_vocabulary(Vocabulary.parse('road; tree'))
    torch.testing.assert_close(model.class_logits(given), before)


def test_training_step(build_tiny: Build) -> None:
    """Losses have names; what is trained changes, and nothing else."""
    model = build_tiny().train()
    before = {k: v.clone() for k, v in model.named_parameters()}
    labels = torch.randint(0, 2, (2, 64, 64))
    losses = model.loss(image(2), samples(labels))
    assert {'decode.loss_bce', 'aux.loss_sem'} <= set(losses)
    total, _ = model.parse_losses(losses)
    torch.testing.assert_close(
        total, losses['decode.loss_bce'] + losses['aux.loss_sem']
    )
    trained = {k: p for k, p in model.named_parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW(trained.values(), weight_decay=0.1)
    total.backward()
    assert all(p.grad is not None for p in trained.values())
    optimiser.step()
    changed = {
        k for k, v in model.named_parameters() if not torch.equal(v, before[k])
    }
    # A parameter that starts at 0 with gradient 0 may stay.
    assert changed <= set(trained)
    assert not any(k.startswith('guidance_encoder') for k in changed)
    assert not model.guidance_encoder.training
    for part in ('backbone', 'text_encoder', 'neck', 'decode_head', 'aux'):
        assert any(k.startswith(part) for k in changed), part


def test_scores_after_a_training_step_use_new_text(build_tiny: Build) -> None:
    model, given = build_tiny(), image()
    with torch.no_grad():
        before = model.eval().class_logits(given)
        text = model.text_encoder(model.vocabulary.queries)
    model.train()
    trained = [p for p in model.text_encoder.parameters() if p.requires_grad]
    labels = torch.randint(0, 2, (1, 64, 64))
    model.parse_losses(model.loss(given, samples(labels)))[0].backward()
    torch.optim.AdamW(trained, lr=0.1).step()
    with torch.no_grad():
        after = model.eval().class_logits(given)
        new = model.text_encoder(model.vocabulary.queries)
    assert (new - text).abs().max() > 1e-4
    assert not torch.equal(before, after)


def test_ignored_pixels_give_no_gradient_when_excluded(
    build_tiny: Build,
) -> None:
    model = build_tiny(
        **{'decode_head.loss_decode': [
            {'type': 'OpenVocabBCELoss', 'ignored': 'excluded'}
        ], 'auxiliary_head': None}
    ).train()  # fmt: skip
    labels = torch.full((1, 64, 64), 255)
    losses = model.loss(image(), samples(labels))
    losses['decode.loss_bce'].backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert grads
    assert all(torch.all(g == 0) for g in grads)


@pytest.mark.parametrize(
    'test_cfg',
    [
        {'mode': 'whole'},
        {'mode': 'slide', 'crop_size': (64, 64), 'stride': (32, 32)},
        {'mode': 'slide_global', 'crop_size': (64, 64), 'stride': (32, 32)},
    ],
)
@torch.no_grad()
def test_inference_modes(build_tiny: Build, test_cfg: dict) -> None:
    model = build_tiny(('road', 'tree', 'water'))
    model.test_cfg = ConfigDict(test_cfg)
    given = samples(torch.zeros(1, 72, 100, dtype=torch.long))
    (result,) = model.predict(image(1, 72, 100), given)
    assert result.seg_logits.data.shape == (3, 72, 100)
    assert result.pred_sem_seg.data.shape == (1, 72, 100)
    assert set(result.pred_sem_seg.data.unique().tolist()) <= {0, 1, 2}


@torch.no_grad()
def test_without_test_settings_the_image_is_taken_whole(
    tiny_config: Config,
) -> None:
    del tiny_config.model.test_cfg
    tiny_config.model.auxiliary_head = None
    model = MODELS.build(tiny_config.model).eval()
    model.set_vocabulary(Vocabulary(('road', 'tree')))
    (result,) = model.predict(image())
    assert result.seg_logits.data.shape == (2, 64, 64)


def test_an_unknown_mode_is_refused(build_tiny: Build) -> None:
    model = build_tiny()
    model.test_cfg = ConfigDict(mode='tiles')
    with pytest.raises(ValueError, match="'slide_global'"):
        model.predict(image())


@torch.no_grad()
def test_one_class_is_everywhere_unless_there_is_a_threshold(
    build_tiny: Build,
) -> None:
    model = build_tiny(('road',))
    (result,) = model.predict(image())
    assert torch.all(result.pred_sem_seg.data == 0)
    middle = float(result.seg_logits.data.sigmoid().median())
    model.set_vocabulary(Vocabulary(('road',), threshold=middle))
    (again,) = model.predict(image())
    assert set(again.pred_sem_seg.data.unique().tolist()) == {0, 255}


@torch.no_grad()
def test_contrast_words_become_background(build_tiny: Build) -> None:
    model = build_tiny()
    given = image()
    model.set_vocabulary(Vocabulary(('road', 'tree', 'sky')))
    (plain,) = model.predict(given)
    model.set_vocabulary(Vocabulary(('road', 'tree'), contrast=('sky',)))
    (result,) = model.predict(given)
    assert result.seg_logits.data.shape[0] == 3
    expected = plain.pred_sem_seg.data.where(plain.pred_sem_seg.data < 2, 255)
    assert torch.equal(result.pred_sem_seg.data, expected)


@pytest.mark.parametrize('threshold', [None, 0.5])
@torch.no_grad()
def test_labels_are_the_same_without_logits(
    build_tiny: Build, threshold: float | None
) -> None:
    """A few classes at a time, at the original size of the image."""
    model = build_tiny()
    names = tuple(f'class {index}' for index in range(37))
    model.set_vocabulary(
        Vocabulary(names[:-3], contrast=names[-3:], threshold=threshold)
    )
    given = image(2, 50, 70)
    results = []
    for keep in (True, False):
        model.test_cfg = ConfigDict(mode='whole', keep_logits=keep)
        some = samples(torch.zeros(2, 50, 70, dtype=torch.long))
        some[0].set_metainfo({'ori_shape': (90, 61)})
        some[1].set_metainfo({'padding_size': [0, 4, 0, 2]})
        results.append(model.predict(given, some))
    for kept, dropped in zip(*results, strict=True):
        assert 'seg_logits' in kept
        assert 'seg_logits' not in dropped
        labels = kept.pred_sem_seg.data
        assert torch.equal(labels, dropped.pred_sem_seg.data)
        assert len(labels.unique()) > 1


@torch.no_grad()
def test_logits_are_kept_of_few_classes(build_tiny: Build) -> None:
    model = build_tiny()
    for number in (256, 257):
        names = tuple(f'class {index}' for index in range(number))
        model.set_vocabulary(Vocabulary(names))
        (result,) = model.predict(image())
        assert ('seg_logits' in result) == (number == 256)


def test_mmsegs_inference_api_works(
    build_tiny: Build, tiny_config: Config
) -> None:
    init_default_scope('mmseg')
    model = build_tiny()
    model.dataset_meta = {'classes': ('ship', 'sea', 'dock')}
    pipeline = [
        {'type': 'LoadImageFromFile'},
        {'type': 'PackSegInputs'},
    ]
    model.cfg = ConfigDict(
        model=tiny_config.model,
        test_dataloader={'dataset': {'pipeline': pipeline}},
        test_pipeline=pipeline,
    )
    picture = np.random.default_rng(0).integers(0, 255, (70, 50, 3), np.uint8)
    result = inference_model(model, picture)
    assert result.pred_sem_seg.data.shape == (1, 70, 50)
    assert result.seg_logits.data.shape[0] == 3
    assert model.dataset_meta['classes'] == ('ship', 'sea', 'dock')


def test_a_head_without_training_classes(tiny_config: Config) -> None:
    with pytest.raises(ValueError, match='needs the training classes'):
        MODELS.build(tiny_config.model)


def test_no_vocabulary(tiny_config: Config) -> None:
    tiny_config.model.auxiliary_head = None
    model = MODELS.build(tiny_config.model)
    assert model.dataset_meta is None
    with pytest.raises(ValueError, match='no vocabulary'):
        model.class_logits(image())


def test_a_size_off_the_grid_in_training_is_explained(
    build_tiny: Build,
) -> None:
    labels = torch.zeros(1, 60, 64, dtype=torch.long)
    with pytest.raises(ValueError, match=r'60 x 64 px.*size_divisor=16'):
        build_tiny().loss(image(1, 60, 64), samples(labels))
