# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Test-time augmentation: the steps, and the mean of the views."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from aeroseg.engine.tta import tta_pipeline
from aeroseg.models.segmentors import OpenVocabTTA, unwrapped
from aeroseg.vocabulary import Vocabulary

STEPS = [
    {'type': 'LoadImageFromFile'},
    {'type': 'Resize', 'scale': (64, 64), 'keep_ratio': True},
    {'type': 'LoadLabels'},
    {'type': 'PackSegInputs'},
]


def test_the_views_are_sizes_of_the_test_with_and_without_a_flip() -> None:
    _, views = tta_pipeline(STEPS, (1, 0.5))
    sizes, flips, labels, packed = views['transforms']
    assert [step['scale'] for step in sizes] == [(64, 64), (32, 32)]
    assert [step['prob'] for step in flips] == [0.0, 1.0]
    assert labels == [STEPS[2]]
    assert packed == [STEPS[3]]


def test_the_first_size_must_be_that_of_the_test() -> None:
    with pytest.raises(ValueError, match='the first must be 1'):
        tta_pipeline(STEPS, (0.5, 1))


def test_labels_are_those_of_the_mean_probability_with_background(
    build_tiny: Callable[..., Any],
) -> None:
    model = build_tiny(('road', 'tree'))
    model.set_vocabulary(Vocabulary(('road', 'tree'), threshold=0.4))
    views = [SegDataSample(), SegDataSample()]
    scores = [[[0.9, 0.2], [0.1, 0.1]], [[0.3, 0.4], [0.8, 0.3]]]
    for view, score in zip(views, scores, strict=True):
        logits = torch.tensor(score).logit()[:, None]  # (T, 1, 2)
        view.set_data({'seg_logits': PixelData(data=logits)})
    tta = OpenVocabTTA(module=model)
    (merged,) = tta.merge_preds([views])
    # means: road 0.6 and 0.3, tree 0.45 and 0.2; background below 0.4
    assert merged.pred_sem_seg.data.tolist() == [[[0, 255]]]
    assert unwrapped(tta) is model


def test_results_without_logits_are_refused(
    build_tiny: Callable[..., Any],
) -> None:
    tta = OpenVocabTTA(module=build_tiny())
    with pytest.raises(ValueError, match='keep_logits=True'):
        tta.merge_preds([[SegDataSample()]])
