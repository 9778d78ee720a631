# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Weights that do not fit are refused, in one sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.runner import load_checkpoint
from torch import Tensor

from aeroseg.checkpoints.fit import check_fit
from aeroseg.models import AerOSeg

Build = Callable[..., AerOSeg]
OWN = {name: torch.zeros(2) for name in 'abcde'}


def test_equal_names_and_shapes_fit() -> None:
    check_fit(OWN, {name: torch.ones(2) for name in 'edcba'}, 'x', 'y')


@pytest.mark.parametrize(
    ('changes', 'sentence'),
    [
        ({'a': torch.zeros(3)}, r'file: a is \(3,\), not \(2,\)\. Fix\.'),
        ({'head': torch.zeros(1)}, r'file: head is unknown\. Fix\.'),
        ({'a': None}, r'file: a is missing\. Fix\.'),
        (
            dict.fromkeys('abcde'),
            r'file: a is missing; b is missing; c is missing and 2 more\. F',
        ),
    ],
)
def test_the_sentence_names_three_faults_and_counts_the_rest(
    changes: dict[str, Tensor | None], sentence: str
) -> None:
    state = {k: v for k, v in {**OWN, **changes}.items() if v is not None}
    with pytest.raises(ValueError, match=sentence):
        check_fit(OWN, state, 'file', 'Fix.')


def test_unknown_names_may_be_ignored_but_no_shape() -> None:
    state = {**OWN, 'head.w': torch.zeros(1), 'neck': torch.zeros(1)}
    check_fit(OWN, state, 'x', 'y', ignored=lambda name: True)
    with pytest.raises(ValueError, match=r'x: neck is unknown\. y'):
        check_fit(OWN, state, 'x', 'y', ignored=lambda n: n[:5] == 'head.')
    state['a'] = torch.zeros(3)
    with pytest.raises(ValueError, match='a is'):
        check_fit(OWN, state, 'x', 'y', ignored=lambda name: True)


@pytest.mark.parametrize('size', [None, 3])
def test_a_training_part_that_does_not_fit_is_removed(
    size: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    own = {**OWN, **({'aux.w': torch.zeros(size)} if size else {})}
    state = {**OWN, 'aux.w': torch.zeros(2), 'aux.b': torch.zeros(2)}
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        check_fit(own, state, 'x', 'y', training_part='aux.')
    finally:
        logger.removeHandler(caplog.handler)
    assert state.keys() == OWN.keys()
    assert 'aux of the checkpoint' in caplog.text


def test_a_training_part_that_fits_is_kept_and_may_be_missing() -> None:
    own = {**OWN, 'aux.w': torch.zeros(2)}
    state = dict(own)
    check_fit(own, state, 'x', 'y', training_part='aux.')
    assert state.keys() == own.keys()
    check_fit(own, dict(OWN), 'x', 'y', training_part='aux.')


def test_mmengine_cannot_load_other_sizes(
    build_tiny: Build, tmp_path: Path
) -> None:
    path = tmp_path / 'other.pth'
    torch.save({'state_dict': build_tiny().state_dict()}, path)
    model = build_tiny(**{'neck.embed_dims': 48})
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(ValueError, match=r'does not fit the model: neck\.emb'):
        load_checkpoint(model, str(path))
    after = model.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_mmengine_cannot_load_fewer_tensors(
    build_tiny: Build, tmp_path: Path
) -> None:
    """A decoder without attention is no decoder with attention."""
    path = tmp_path / 'plain.pth'
    plain = build_tiny(**{'decode_head.attention': False})
    torch.save({'state_dict': plain.state_dict()}, path)
    model = build_tiny(**{'decode_head.attention': True})
    with pytest.raises(ValueError, match=r'attention\.channel.* is missing'):
        load_checkpoint(model, str(path))


def test_another_vocabulary_drops_the_back_projection(
    build_tiny: Build, tmp_path: Path
) -> None:
    path = tmp_path / 'two.pth'
    source = build_tiny()
    torch.save({'state_dict': source.state_dict()}, path)
    model = build_tiny(names=('a', 'b', 'c'))
    head = {k: v.clone() for k, v in model.auxiliary_head.named_parameters()}
    load_checkpoint(model, str(path), strict=False)
    assert torch.equal(model.neck.embed.weight, source.neck.embed.weight)
    for name, value in model.auxiliary_head.named_parameters():
        assert torch.equal(value, head[name])


def test_strict_loading_without_the_head(build_tiny: Build) -> None:
    state = build_tiny().state_dict()
    model = build_tiny(auxiliary_head=None)
    model.load_state_dict(state, strict=True)
