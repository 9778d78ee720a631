# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A model with an output per class must meet one numbering of classes."""

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config
from mmseg.models import BaseSegmentor
from mmseg.registry import DATASETS, MODELS
from torch import nn

from aeroseg.models.segmentors import OpenVocabSegmentor


def is_closed_set(model: type | None) -> bool:
    """Whether a model class has an output per class: mmseg's own models."""
    return (
        isinstance(model, type)
        and issubclass(model, BaseSegmentor)
        and not issubclass(model, OpenVocabSegmentor)
    )


def check_numbering(trained: Sequence[str], asked: Sequence[str]) -> None:
    """Compare the classes of training with those of a validation or test.

    Args:
        trained (Sequence[str]): Names in training, in the order of their ids.
        asked (Sequence[str]): Names of the dataset that is scored.

    Raises:
        ValueError: If an id means another class there.
    """
    if tuple(trained) == tuple(asked):
        return
    raise ValueError(
        'a closed-set model has an output per class, and is trained on the '
        f'classes {list(trained)} but scored on {list(asked)}: its outputs '
        'would be read as other classes. Train it with train_dataloader.'
        "dataset=dict(classes='all', labels='seen'), which keeps the ids of "
        "all classes and ignores the pixels of the unseen ones (labels='all' "
        'is the upper bound); see configs/closed_set'
    )


def check_outputs(num_classes: int, names: Sequence[str]) -> None:
    """Compare the outputs of a head with the classes of a dataset.

    Raises:
        ValueError: If the head has fewer or more outputs.
    """
    if num_classes != len(names):
        raise ValueError(
            f'the decode head has num_classes={num_classes}, the dataset '
            f'{len(names)} classes: {list(names)}. Set num_classes='
            f'{len(names)} in decode_head and auxiliary_head'
        )


def check_config(config: Config) -> None:
    """Check the numbering of a config before anything is written.

    Args:
        config (Config): The whole config; models that are asked in words
            pass.

    Raises:
        ValueError: If a closed-set model is trained on classes with other
            ids than it is scored on, or has another number of outputs.
    """
    if not config.get('model') or not is_closed_set(
        MODELS.get(config.model.type)
    ):
        return
    trained = _classes(config, 'train_dataloader')
    for loader in ('val_dataloader', 'test_dataloader'):
        asked = _classes(config, loader)
        if trained and asked:
            check_numbering(trained, asked)
    heads = config.model.get('decode_head') or ()
    for head in [heads] if isinstance(heads, dict) else heads:
        if trained and 'num_classes' in head:
            check_outputs(head['num_classes'], trained)


def head_classes(model: Any) -> int | None:
    """Outputs of a closed-set model; None where that is not known."""
    head = getattr(model, 'decode_head', None)
    if isinstance(head, nn.ModuleList):  # a cascade: the last one answers
        head = head[-1]
    return getattr(head, 'num_classes', None)


def _classes(config: Config, loader: str) -> Sequence[str]:
    """Class names of a dataloader's dataset; its files are not looked at."""
    dataset = (config.get(loader) or {}).get('dataset')
    while dataset and ('dataset' in dataset or 'datasets' in dataset):
        dataset = dataset.get('dataset') or dataset['datasets'][0]
    if not dataset:
        return ()
    built = DATASETS.build({**dataset, 'lazy_init': True})
    return built.metainfo.get('classes') or ()
