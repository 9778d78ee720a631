# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The vocabulary follows the dataset."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from mmengine.logging import MMLogger
from torch import nn

from aeroseg.engine.hooks.vocabulary_hook import VocabularyHook, describe
from aeroseg.models import AerOSeg
from aeroseg.vocabulary import Vocabulary

SEEN = {'classes': ('road', 'tree'), 'seen_classes': ('road', 'tree')}
ALL = {'classes': ('road', 'tree', 'ship'), 'seen_classes': ('road', 'tree')}


def loader(metainfo: dict) -> SimpleNamespace:
    return SimpleNamespace(dataset=SimpleNamespace(metainfo=metainfo))


def make_runner(model: nn.Module) -> SimpleNamespace:
    return SimpleNamespace(
        model=model,
        logger=MMLogger.get_instance('vocabulary-test'),
        train_dataloader=loader(SEEN),
        val_dataloader=loader(ALL),
        test_dataloader=loader(ALL),
    )


@pytest.fixture
def model(build_tiny: Callable[..., AerOSeg]) -> AerOSeg:
    return build_tiny(('a', 'b'))


def test_each_phase_has_its_words(model: AerOSeg) -> None:
    hook, runner = VocabularyHook(), make_runner(model)
    hook.before_train(runner)
    assert model.vocabulary.names == ('road', 'tree')
    hook.before_val(runner)
    assert model.vocabulary.names == ('road', 'tree', 'ship')
    assert model.vocabulary.seen == (True, True, False)
    hook.after_val(runner)
    assert model.vocabulary.names == ('road', 'tree')
    hook.before_test(runner)
    assert len(model.vocabulary) == 3


def test_validation_alone(model: AerOSeg) -> None:
    hook, runner = VocabularyHook(), make_runner(model)
    hook.before_val(runner)
    hook.after_val(runner)
    assert len(model.vocabulary) == 3


def test_the_checkpoint_gets_the_words(model: AerOSeg) -> None:
    hook, runner, checkpoint = VocabularyHook(), make_runner(model), {}
    hook.before_train(runner)
    hook.before_save_checkpoint(runner, checkpoint)
    stored = Vocabulary.from_dict(checkpoint['meta']['vocabulary'])
    assert stored == model.vocabulary


def test_other_models_are_not_changed() -> None:
    hook, runner = VocabularyHook(), make_runner(nn.Linear(1, 1))
    hook.before_train(runner)
    hook.after_val(runner)
    checkpoint: dict = {}
    hook.before_save_checkpoint(runner, checkpoint)
    assert not checkpoint


def test_unseen_classes_carry_a_star() -> None:
    vocabulary = Vocabulary(
        ('road', 'ship'), (('road', 'street'), ('ship',)), (True, False)
    )
    expected = 'road (street), ship* (* unseen in training)'
    assert describe(vocabulary) == expected
    assert describe(Vocabulary.parse('a;b')) == 'a, b'
