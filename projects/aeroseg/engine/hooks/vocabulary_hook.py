# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Gives the model the vocabulary of the dataset that comes next."""

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from mmseg.registry import HOOKS

from aeroseg.checkpoints.fit import AUXILIARY_HEAD, CHOOSE_CONFIG, check_fit
from aeroseg.checkpoints.read import weights_of
from aeroseg.models.segmentors import OpenVocabSegmentor, unwrapped
from aeroseg.vocabulary import Vocabulary

from ..closed_set import (
    check_numbering,
    check_outputs,
    head_classes,
    is_closed_set,
)


@HOOKS.register_module()
class VocabularyHook(Hook):
    """Sets the vocabulary from the metainfo of the dataset.

    Training, validation and test each use the classes of their dataset; after
    a validation the training classes are set again. The words are written to
    the log and to every checkpoint, under ``meta['vocabulary']``.

    Closed-set models (mmseg's own) take no vocabulary. For them the hook
    checks that a class has the same id in training and in the dataset that
    is scored, and that a checkpoint that is tested has all their weights.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._training: Vocabulary | None = None
        self._trained: Sequence[str] = ()

    def before_train(self, runner: Runner) -> None:
        """Training classes."""
        dataset = runner.train_dataloader.dataset
        self._training = self._apply(runner, dataset, 'training')
        self._trained = dataset.metainfo.get('classes') or ()
        if getattr(runner, 'val_loop', None) is not None:
            self._check(runner, runner.val_dataloader.dataset)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note what a closed-set model that is tested was trained on.

        Raises:
            ValueError: If the checkpoint is of another model; mmengine only
                warns of it and keeps random weights.
        """
        model = unwrapped(runner.model)
        training = isinstance(runner._train_loop, BaseLoop)
        if training or not is_closed_set(type(model)):
            return
        meta = checkpoint.get('meta', {}).get('dataset_meta') or {}
        self._trained = meta.get('classes') or ()
        check_fit(
            model.state_dict(),
            weights_of(checkpoint),
            'the checkpoint does not fit the model',
            CHOOSE_CONFIG,
            ignored=lambda name: True,
            training_part=AUXILIARY_HEAD,
        )

    def before_val(self, runner: Runner) -> None:
        """Validation classes."""
        self._apply(runner, runner.val_dataloader.dataset, 'validation')

    def after_val(self, runner: Runner, metrics: Any = None) -> None:
        """Back to the training classes."""
        if self._training is not None:
            unwrapped(runner.model).set_vocabulary(self._training)

    def before_test(self, runner: Runner) -> None:
        """Test classes."""
        self._apply(runner, runner.test_dataloader.dataset, 'test')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store the words that the model was trained with."""
        model = unwrapped(runner.model)
        if isinstance(model, OpenVocabSegmentor):
            vocabulary = model.vocabulary.to_dict()
            checkpoint.setdefault('meta', {})['vocabulary'] = vocabulary

    def _apply(
        self, runner: Runner, dataset: Any, phase: str
    ) -> Vocabulary | None:
        """Set the classes of a dataset; None where the model takes none."""
        model = unwrapped(runner.model)
        if not isinstance(model, OpenVocabSegmentor):
            self._check(runner, dataset)
            return None
        vocabulary = Vocabulary.from_metainfo(dataset.metainfo)
        model.set_vocabulary(vocabulary)
        runner.logger.info(
            f'The {phase} vocabulary has {len(vocabulary)} classes: '
            f'{describe(vocabulary)}'
        )
        return vocabulary

    def _check(self, runner: Runner, dataset: Any) -> None:
        """Check the ids of a closed-set model against those of a dataset."""
        model, names = unwrapped(runner.model), dataset.metainfo.get('classes')
        if not names or not is_closed_set(type(model)):
            return
        if self._trained:
            check_numbering(self._trained, names)
        outputs = head_classes(model)
        if outputs is not None:
            check_outputs(outputs, names)


def describe(vocabulary: Vocabulary) -> str:
    """Names, with synonyms in brackets and a star after unseen ones."""
    words = []
    for index, (name, *others) in enumerate(vocabulary.synonyms):
        seen = vocabulary.seen is None or vocabulary.seen[index]
        extra = f' ({", ".join(others)})' if others else ''
        words.append(f'{name}{"" if seen else "*"}{extra}')
    note = '' if all(vocabulary.seen or (True,)) else ' (* unseen in training)'
    return ', '.join(words) + note
