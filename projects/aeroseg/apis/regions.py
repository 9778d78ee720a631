# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Large scenes: by several workers, or in shares for job arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from aeroseg.engine.launch import needs_training
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.reading.remote_scene import Scene
from aeroseg.mapping.region.engine import Engine, LocalEngine
from aeroseg.mapping.region.predict_share import (
    predict_share as share_of_scene,
)
from aeroseg.mapping.region.scan_region import ScanByWorkers
from aeroseg.mapping.region.worker import RegionJob
from aeroseg.vocabulary import Vocabulary

from .predictor import Predictor
from .vocabulary_model import VocabularyModel
from .words import Classes


def by_workers(
    predictor: Predictor,
    workers: int,
    classes: Classes | None = None,
    device: str | None = None,
    **options: Any,
) -> ScanByWorkers:
    """Predict scenes by processes of this machine, each with the model.

    Args:
        predictor (Predictor): Has the model; it is not used to predict.
        workers (int): How many.
        classes (Classes | None): As of :meth:`Predictor.predict_scene`.
        device (str | None): Of the workers: 'cpu', 'cuda' (they take
            turns on the GPUs), 'cuda:1', ...; None takes GPUs if there
            are any.
        **options: `patience`, `attempts` and `make_engine` of
            :class:`ScanByWorkers`.

    Returns:
        ScanByWorkers: For :meth:`Predictor.predict_scene`.

    Raises:
        ValueError: If there are no workers, or the weights are random.
    """
    if workers < 1:
        raise ValueError(f'{workers} workers; at least 1 is needed')
    if predictor.checkpoint is None and needs_training(predictor.config):
        raise ValueError('the weights are random: every worker would differ')
    recipe = Recipe(
        predictor.config,
        predictor.checkpoint,
        predictor.amp,
        predictor.accelerate,
        predictor.trained,
        predictor.vocabulary(classes),
        device,
    )
    return ScanByWorkers(recipe, workers, **options)


def engine_of(
    name: str, address: str | None = None, device: str | None = None
) -> Callable[[RegionJob, int], Engine]:
    """The `make_engine` of :func:`by_workers` by name.

    Args:
        name (str): 'local' (processes of this machine) or 'ray'.
        address (str | None): Of a Ray cluster, or 'auto'; None starts Ray
            here.
        device (str | None): Of the workers; 'cpu' asks Ray for no GPU.

    Raises:
        ValueError: If there is no such engine.
    """
    if name == 'local':
        return LocalEngine
    if name != 'ray':
        raise ValueError(f"engine {name!r}; allowed are 'local' and 'ray'")
    from aeroseg.mapping.region.ray_engine import RayEngine

    return partial(RayEngine, address=address, gpus=device != 'cpu')


def predict_share(
    predictor: Predictor,
    path: str | Scene,
    out: str | Path,
    index: int,
    shares: int,
    classes: Classes | None = None,
    options: SceneOptions | None = None,
) -> None:
    """Predict one of several shares of a scene, for job arrays.

    :meth:`Predictor.predict_scene` writes the results once all are kept.

    Args:
        predictor (Predictor): The model.
        path (str | Scene): The scene.
        out (str | Path): Folder of the results, the same for all shares.
        index (int): Number of the share, from 1.
        shares (int): How many there are.
        classes (Classes | None): See :meth:`Predictor.vocabulary`.
        options (SceneOptions | None): None takes tiling and scale from
            the config.

    Raises:
        ValueError: If there is no such share, or another run works on it.
    """
    if options is None:
        options = SceneOptions(predictor.tiling, scale=predictor.scale)
    asked = predictor.ask(classes)
    share_of_scene(
        asked,
        path,
        out,
        asked.scheme,
        index,
        shares,
        options,
        predictor.model_id,
    )


@dataclass(frozen=True)
class Recipe:
    """How a worker builds its model.

    Attributes:
        config (Config): As of :class:`Predictor`.
        checkpoint (str | Path | None): As above.
        amp (bool): As above.
        accelerate (bool): As above.
        trained (Vocabulary | None): As above.
        vocabulary (Vocabulary): The words.
        device (str | None): As of :func:`by_workers`.
    """

    config: Config
    checkpoint: str | Path | None
    amp: bool
    accelerate: bool
    trained: Vocabulary | None
    vocabulary: Vocabulary
    device: str | None

    def __call__(self, number: int) -> VocabularyModel:
        """The model of the worker of that number."""
        device = self.device
        if device in (None, 'cuda') and torch.cuda.is_available():
            device = f'cuda:{number % torch.cuda.device_count()}'
        predictor = Predictor(
            self.config,
            self.checkpoint,
            device,
            self.amp,
            self.accelerate,
            self.trained,
        )
        return predictor.ask(self.vocabulary)
