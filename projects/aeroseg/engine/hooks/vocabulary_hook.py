# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Gives the model the vocabulary of the dataset that comes next."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from aeroseg.models.segmentors import OpenVocabSegmentor
from aeroseg.vocabulary import Vocabulary


@HOOKS.register_module()
class VocabularyHook(Hook):
    """Sets the vocabulary from the metainfo of the dataset.

    Training, validation and test each use the classes of their dataset; after
    a validation the training classes are set again. The words are written to
    the log and to every checkpoint, under ``meta['vocabulary']``.

    Models without a vocabulary (mmseg's, as baselines) are not changed.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._training: Vocabulary | None = None

    def before_train(self, runner: Runner) -> None:
        """Training classes."""
        dataset = runner.train_dataloader.dataset
        self._training = self._apply(runner, dataset, 'training')

    def before_val(self, runner: Runner) -> None:
        """Validation classes."""
        self._apply(runner, runner.val_dataloader.dataset, 'validation')

    def after_val(self, runner: Runner, metrics: Any = None) -> None:
        """Back to the training classes."""
        if self._training is not None:
            _model(runner).set_vocabulary(self._training)

    def before_test(self, runner: Runner) -> None:
        """Test classes."""
        self._apply(runner, runner.test_dataloader.dataset, 'test')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store the words that the model was trained with."""
        model = _model(runner)
        if isinstance(model, OpenVocabSegmentor):
            vocabulary = model.vocabulary.to_dict()
            checkpoint.setdefault('meta', {})['vocabulary'] = vocabulary

    def _apply(
        self, runner: Runner, dataset: Any, phase: str
    ) -> Vocabulary | None:
        """Set the classes of a dataset; None where the model takes none."""
        model = _model(runner)
        if not isinstance(model, OpenVocabSegmentor):
            return None
        vocabulary = Vocabulary.from_metainfo(dataset.metainfo)
        model.set_vocabulary(vocabulary)
        runner.logger.info(
            f'The {phase} vocabulary has {len(vocabulary)} classes: '
            f'{describe(vocabulary)}'
        )
        return vocabulary


def describe(vocabulary: Vocabulary) -> str:
    """Names, with synonyms in brackets and a star after unseen ones."""
    words = []
    for index, (name, *others) in enumerate(vocabulary.synonyms):
        seen = vocabulary.seen is None or vocabulary.seen[index]
        extra = f' ({", ".join(others)})' if others else ''
        words.append(f'{name}{"" if seen else "*"}{extra}')
    note = '' if all(vocabulary.seen or (True,)) else ' (* unseen in training)'
    return ', '.join(words) + note


def _model(runner: Runner) -> Any:
    model = runner.model
    return model.module if is_model_wrapper(model) else model
