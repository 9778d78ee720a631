# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from typing import Any

import pytest
import torch
from mmengine.config import Config

from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.models import TrainingFreeSegmentor
from aeroseg.vocabulary import Vocabulary

CLIP: dict[str, Any] = {
    'embed_dim': 8,
    'vision_cfg': {
        'image_size': 32,
        'patch_size': 8,
        'width': 16,
        'layers': 2,
        'head_width': 8,
    },
    'text_cfg': {'context_length': 16, 'width': 8, 'heads': 1, 'layers': 1},
}
DINO = {
    'type': 'DINOGuidance',
    'model': {
        'embed_dim': 16,
        'depth': 2,
        'num_heads': 2,
        'patch_size': 4,
        'img_size': 32,
    },
    'out_indices': (0, 1),
}
WORDS = Vocabulary.parse('building, house, roof; road; water, river')


def build(attention: str = 'segearth', **settings: Any) -> Any:
    return TrainingFreeSegmentor(
        backbone={
            'type': 'DenseCLIP',
            'model': CLIP,
            'attention': attention,
            'stride': 8,
        },
        text_encoder={
            'type': 'OpenCLIPTextEncoder',
            'model': CLIP,
            'templates': ['a {}', 'the {}'],
        },
        vocabulary=WORDS,
        **settings,
    ).eval()


UPSAMPLER = {'type': 'JBUUpsampler'}
PROXY = {'attention': 'proxy', 'proxy_encoder': DINO, 'global_bias': 0}
SYSTEMS = [{}, {'upsampler': UPSAMPLER}, PROXY, {'synonyms': 'mean'}]


@torch.no_grad()
@pytest.mark.parametrize('settings', SYSTEMS)
@pytest.mark.parametrize('size', [(32, 32), (30, 45), (1, 1)])
def test_any_size_and_batch(
    settings: dict[str, Any], size: tuple[int, int]
) -> None:
    model = build(**settings)
    images = 255 * torch.rand(2, 3, *size)
    logits = model.class_logits(images)
    assert logits.shape == (2, model.out_channels, *size)
    alone = model.class_logits(images[1:])
    torch.testing.assert_close(logits[1:], alone, rtol=0, atol=1e-5)
    probability = model.to_probability(logits)
    assert probability.shape == (2, 3, *size)
    assert probability.sum(dim=1).max() <= 1 + 1e-5
    labels = model.predict(images)[0].pred_sem_seg.data
    assert torch.equal(labels[0], probability[0].argmax(dim=0))


@torch.no_grad()
def test_synonyms_are_queries_or_averaged() -> None:
    model = build()
    assert model.out_channels == 6
    images = 255 * torch.rand(1, 3, 32, 32)
    cosines = model.class_logits(images)
    every = (50 * cosines).softmax(dim=1)[0]
    expected = torch.stack(
        [every[:3].amax(0), every[3], every[4:].amax(dim=0)]
    )
    torch.testing.assert_close(model.to_probability(cosines)[0], expected)
    model.synonyms = 'mean'
    assert model.out_channels == 3
    found = model.to_probability(model.class_logits(images))
    torch.testing.assert_close(found.sum(dim=1), torch.ones(1, 32, 32))


@torch.no_grad()
@pytest.mark.parametrize('threshold', [None, 0.25])
def test_labels_without_logits_are_the_same(threshold: float | None) -> None:
    model = build(threshold=threshold)
    words = Vocabulary.parse('a, b, c; d; e, f', contrast=('g', 'h'))
    model.set_vocabulary(words)
    images = 255 * torch.rand(1, 3, 40, 40)
    kept = model.predict(images)[0]
    assert kept.seg_logits.data.shape == (5, 40, 40)
    model.test_cfg['keep_logits'] = False
    model.class_chunk = 3
    alone = model.predict(images)[0]
    assert 'seg_logits' not in alone
    assert torch.equal(kept.pred_sem_seg.data, alone.pred_sem_seg.data)


@torch.no_grad()
def test_background_is_the_same_in_a_test_and_in_a_map() -> None:
    model = build(logit_scale=200)
    words = Vocabulary.parse('a, b; c; d', contrast=('e', 'f'), threshold=0.4)
    model.set_vocabulary(words)
    images = 255 * torch.rand(1, 3, 64, 64)
    label = model.predict(images)[0].pred_sem_seg.data[0]
    scheme = LabelScheme(words)
    scores = model.to_probability(model.class_logits(images))
    expected = scheme.decide(scheme.merge(scores)[0])
    expected = torch.from_numpy(expected).long()
    assert 0 < (expected == scheme.background).float().mean() < 1
    expected[expected == scheme.background] = 255
    assert torch.equal(label, expected)


def test_the_threshold_of_the_vocabulary_counts_first() -> None:
    model = build(threshold=0.3)
    assert model.vocabulary.threshold == 0.3
    model.set_vocabulary(Vocabulary(('a',), threshold=0.1))
    assert model.vocabulary.threshold == 0.1


@torch.no_grad()
def test_the_border_is_even_and_of_clip_s_mean_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = build()
    seen = []
    forward = model.forward_maps

    def watch(images: torch.Tensor) -> torch.Tensor:
        seen.append(images)
        return forward(images)

    monkeypatch.setattr(model, 'forward_maps', watch)
    images = 255 * torch.rand(1, 3, 11, 24)
    model.class_logits(images)
    assert seen[0].shape == (1, 3, 16, 24)
    assert torch.equal(seen[0][:, :, 2:13], images)
    mean = model.backbone.mean.expand(3, 2, 24)
    assert torch.equal(seen[0][0, :, :2], mean)


@torch.no_grad()
def test_windows() -> None:
    model = build()
    model.test_cfg = Config(
        {'mode': 'slide', 'crop_size': (32, 32), 'stride': (16, 16)}
    )
    images = 255 * torch.rand(1, 3, 64, 64)
    windows = model.inference(images, [{'ori_shape': (64, 64)}])
    first = model.class_logits(images[..., :32, :32])
    assert windows.shape == (1, 6, 64, 64)
    corner = first[..., :16, :16]  # no other window covers it
    torch.testing.assert_close(windows[..., :16, :16], corner)


def test_parts_that_do_not_go_together() -> None:
    with pytest.raises(ValueError, match='lacks a proxy_encoder'):
        build('proxy')
    with pytest.raises(ValueError, match='has no use for a proxy_encoder'):
        build(proxy_encoder=DINO)
    with pytest.raises(ValueError, match='set global_bias=0'):
        build(**{**PROXY, 'global_bias': -0.3})
    with pytest.raises(ValueError, match="'max' and 'mean'"):
        build(synonyms='sum')
    with pytest.raises(ValueError, match="'whole' and 'slide'"):
        build(test_cfg={'mode': 'slide_global'})


def test_it_cannot_be_trained() -> None:
    model = build()
    assert not model.needs_training
    assert not any(p.requires_grad for p in model.parameters())
    with pytest.raises(ValueError, match='needs no training'):
        model.loss(torch.rand(1, 3, 32, 32), [])
