# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests one model on several datasets, each with its own vocabulary."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS

from aeroseg.checkpoints.read import read_checkpoint
from aeroseg.datasets.cross import (
    BENCHMARKS,
    CrossDataset,
    Protocol,
    load_benchmark,
)
from aeroseg.models.segmentors import OpenVocabSegmentor, unwrapped
from aeroseg.vocabulary import Vocabulary

from .launch import needs_training
from .run import build_runner, building

_RESIZES = ('Resize', 'ResizeShortestEdge')


@dataclass(frozen=True)
class CrossTest:
    """One dataset to be tested.

    Attributes:
        benchmark (str): Name of the set.
        data_root (str): Folder that its converter wrote.
        words (str | None): Text file with other words.
        splits (tuple[str, ...] | None): Other parts than the protocol's.
    """

    benchmark: str
    data_root: str
    words: str | None = None
    splits: tuple[str, ...] | None = None


def apply_protocol(config: Config, protocol: Protocol) -> None:
    """Let a config resize and cut images as a protocol says.

    Args:
        config (Config): Config of a run; its test part changes.
        protocol (Protocol): The protocol.

    Raises:
        ValueError: If the model is not asked in words, or the config has no
            test pipeline to change.
    """
    kind = MODELS.get(config.model.type)
    if kind is None or not issubclass(kind, OpenVocabSegmentor):
        raise ValueError(
            f'{config.model.type} has its classes built in, so it cannot be '
            'asked for those of another dataset; test an open-vocabulary '
            'model'
        )
    if protocol.test_cfg is not None:
        config.model.test_cfg = _tuples(protocol.test_cfg)
    pipeline = config.test_dataloader.dataset.get('pipeline') or []
    if _is_generated(pipeline):
        pipeline = _file_pipeline(pipeline)
    if protocol.resize is not None:
        places = [i for i, s in enumerate(pipeline) if s['type'] in _RESIZES]
        resize = _tuples(protocol.resize)
        if places:
            pipeline[places[0]] = resize
        else:
            pipeline.insert(1, resize)
    config.test_dataloader.dataset.pipeline = pipeline


def trained_words(config: Config, checkpoint: str | None) -> list[str] | None:
    """The words that a model was trained with.

    Args:
        config (Config): Config of the model.
        checkpoint (str | None): Its checkpoint.

    Returns:
        list[str] | None: Empty for a model that was never trained, None
        where the checkpoint does not say.
    """
    if checkpoint is None:
        return None if needs_training(config) else []
    meta = read_checkpoint(checkpoint).get('meta') or {}
    if 'vocabulary' in meta:
        vocabulary = Vocabulary.from_dict(meta['vocabulary'])
        return [word for group in vocabulary.synonyms for word in group]
    classes = (meta.get('dataset_meta') or {}).get('classes')
    return list(classes) if classes else None


def datasets_of(
    config: Config,
    protocol: Protocol,
    tests: Sequence[CrossTest],
    trained: Sequence[str] | None,
) -> list[CrossDataset]:
    """Build all datasets, so that a fault is found before the first test.

    Raises:
        FileNotFoundError: If data are missing.
        ValueError: If a folder holds another dataset, a set is not in the
            protocol, or a word list does not fit.
    """
    train = (config.get('train_dataloader') or {}).get('dataset') or {}
    built = []
    for test in tests:
        with building(config):
            dataset = DATASETS.build(
                {
                    'type': 'CrossDataset',
                    'benchmark': test.benchmark,
                    'data_root': test.data_root,
                    'protocol': protocol.name,
                    'trained': trained,
                    'words': test.words,
                    'splits': test.splits,
                    'test_mode': True,
                    'pipeline': deepcopy(
                        config.test_dataloader.dataset.pipeline
                    ),
                }
            )
        kind = load_benchmark(test.benchmark).dataset_class
        same = kind is not None and kind == train.get('type')
        dataset.cross['is_training_set'] = same and trained != []
        dataset.cross['trained_on'] = _trained_on(train, trained)
        dataset.cross['title'] = protocol.title
        built.append(dataset)
    return built


def _trained_on(train: Any, trained: Sequence[str] | None) -> str:
    """The training data in words, as published tables name them."""
    if trained == []:
        return 'none'
    kind = train.get('type')
    if kind is None:
        return 'unknown'
    names = [load_benchmark(name) for name in BENCHMARKS]
    fitting = [b.dataset for b in names if b.dataset_class == kind]
    name = fitting[0] if fitting else kind
    classes = train.get('classes', 'all')
    return name if classes == 'all' else f'{name} ({classes} classes)'


def run_across(
    config: Config, datasets: Sequence[CrossDataset], out: Path
) -> Iterator[Path]:
    """Test the model of a config on one dataset after the other.

    The model is built and its weights are read once.

    Args:
        config (Config): Config after :func:`apply_protocol`.
        datasets (Sequence[CrossDataset]): From :func:`datasets_of`.
        out (Path): Folder of the result files.

    Yields:
        Path: The result file of each dataset, when it is written.
    """
    template = deepcopy(config.test_dataloader.to_dict())
    runner = build_runner(config)
    if not config.get('load_from'):
        unwrapped(runner.model).load_pretrained()
    weights = Path(config.get('load_from') or 'untrained').stem
    for dataset in datasets:
        cross = dataset.cross
        parts = f'{cross["protocol"]}_{cross["benchmark"]}_{weights}'
        target = out / f'cross_{parts}.json'
        _set_test(runner, {**template, 'dataset': dataset}, target)
        runner.test()
        yield target


def _set_test(runner: Runner, loader: dict[str, Any], target: Path) -> None:
    """What the runner tests next."""
    runner._test_dataloader = loader
    runner._test_evaluator = {
        'type': 'OpenVocabIoUMetric',
        'result_file': str(target),
    }
    runner._test_loop = {'type': 'TestLoop'}


def _is_generated(pipeline: Sequence[dict[str, Any]]) -> bool:
    return bool(pipeline) and pipeline[0]['type'] == 'LoadWorldScene'


def _file_pipeline(pipeline: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A pipeline of generated scenes, for files."""
    loading = [{'type': 'LoadImageFromFile'}]
    return [*loading, *pipeline[1:-1], {'type': 'LoadLabels'}, pipeline[-1]]


def _tuples(values: Any) -> dict[str, Any]:
    """Sizes as mmcv takes them."""
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in values.items()
    }
