# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Your own words on your own images."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from mmengine.config import Config
from PIL import Image

from aeroseg.checkpoints.model_folder import open_model_folder
from aeroseg.engine.closed_set import is_closed_set
from aeroseg.engine.launch import needs_training
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.reading.image_source import open_source
from aeroseg.mapping.reading.remote_scene import Scene
from aeroseg.mapping.windows.map_rows import map_rows
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.windows.tiling import Tiling
from aeroseg.read_config import read_config
from aeroseg.vocabulary import Vocabulary

from .explain import Explanation, explain
from .load_model import (
    build_model,
    find_config,
    load_weights,
    model_identity,
)
from .result import SegmentationResult
from .vocabulary_model import ClosedSetModel, VocabularyModel
from .words import Classes, read_classes

logger = logging.getLogger(__name__)

Picture: TypeAlias = np.ndarray | Image.Image | str | Path


class Predictor:
    """A trained model that predicts any classes in any image.

    Args:
        config (str | Path | Config | None): The config the checkpoint was
            trained with. None takes the one that training saved next to it.
        checkpoint (str | Path | None): The weights. None loads what the
            config of a training-free model names; other models keep random
            weights, useful only for benchmarks.
        device (str | None): 'cpu', 'cuda', 'cuda:1', ...; None takes a GPU if
            there is one.
        amp (bool): Compute in bfloat16 where that is safe.
        accelerate (bool | None): Compute linear layers on a CPU by oneDNN, see
            :mod:`aeroseg.acceleration`. None does as the config's field
            `accelerate`, which is True unless set.
        trained (Vocabulary | None): The classes of the training. None takes
            those that the checkpoint names, or else the config.

    Attributes:
        trained (Vocabulary | None): The classes of the training, by the
            checkpoint or else by the config.
        tiling (Tiling): Window, overlap and batch by the config.
        scale (float): Pixels the model sees per pixel of an image, by the
            config: training enlarges its tiles as well.
        gsd (float | None): Ground resolution of the training images in
            metres per pixel, where the model folder states it.

    Raises:
        FileNotFoundError: If config or checkpoint do not exist.
        ValueError: If they do not fit each other, or there is no such device.

    Examples:
        >>> predictor = Predictor('config.py', 'iter_10000.pth')
        ...                                            # doctest: +SKIP
        >>> predictor.predict('tile.png', 'building, house; road').show()
        ...                                            # doctest: +SKIP
    """

    def __init__(
        self,
        config: str | Path | Config | None = None,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        amp: bool = False,
        accelerate: bool | None = None,
        trained: Vocabulary | None = None,
    ) -> None:
        if config is None and checkpoint is None:
            raise ValueError('give a config, a checkpoint or both')
        self.config = read_config(config or find_config(checkpoint or ''))
        self.checkpoint = checkpoint
        self.model: Any = build_model(self.config)
        self.trained = trained
        if checkpoint is None and needs_training(self.config):
            logger.warning('no checkpoint: the weights are random')
        else:
            named = load_weights(self.model, checkpoint)
            self.trained = trained or named
        if self.trained is None and self.config.model.get('vocabulary'):
            self.trained = Vocabulary.build(self.config.model.vocabulary)
        if is_closed_set(type(self.model)):
            self.model = ClosedSetModel(self.model, self.trained)
        self.model.to(_find_device(device))
        self.amp = amp
        if accelerate is None:
            accelerate = self.config.get('accelerate', True)
        self.accelerate = accelerate
        settings = dict(self.config.get('predictor', {}))
        self.scale: float = settings.pop('scale', 1.0)
        self.gsd: float | None = settings.pop('gsd', None)
        self.tiling = Tiling(**settings)

    @classmethod
    def from_pretrained(cls, name: str | Path, **options: Any) -> 'Predictor':
        """A model that `aeroseg pack` made.

        Args:
            name (str | Path): Its folder, or 'user/model' of the Hugging
                Face hub, downloaded once. A folder of that name goes first.
            **options: `device`, `amp` and `accelerate` of the constructor.

        Raises:
            FileNotFoundError: If there is neither.
            ValueError: If the folder is damaged.
        """
        found = open_model_folder(name)
        return cls(
            found.config, found.weights, trained=found.vocabulary, **options
        )

    @cached_property
    def identity(self) -> str:
        """A hash of settings and weights, made when first asked for."""
        return model_identity(self.config, self.checkpoint)

    @property
    def model_id(self) -> str:
        """Tells models apart whose maps may differ; see `predict_scene`."""
        return f'{self.identity} {self.amp}'

    def vocabulary(self, classes: Classes | None = None) -> Vocabulary:
        """Read classes in any of the forms in which they are given.

        Args:
            classes (Classes | None): 'building, house; road' (';' between
                classes, ',' between synonyms), a list of such classes, the
                path of a vocabulary file, a vocabulary, or None for the
                classes of the training.

        Raises:
            ValueError: If names are empty or given twice, or none are given
                and those of the training are not known.
            FileNotFoundError: If there is no such vocabulary file.
        """
        return read_classes(classes, self.trained)

    def ask(self, classes: Classes | None = None) -> VocabularyModel:
        """The model together with the classes it is to predict.

        Args:
            classes (Classes | None): See :meth:`vocabulary`.
        """
        return VocabularyModel(
            self.model, self.vocabulary(classes), self.amp, self.accelerate
        )

    def predict(
        self,
        image: Picture | Sequence[Picture],
        classes: Classes | None = None,
        scores: bool = False,
        tiling: Tiling | None = None,
        **options: Any,
    ) -> Any:
        """Predict one image or several.

        For scenes that do not fit into memory use :meth:`predict_scene`.

        Args:
            image (Picture | Sequence[Picture]): An RGB array (H, W, 3) of
                uint8, a Pillow image, a path; or a list of them.
            classes (Classes | None): See :meth:`vocabulary`.
            scores (bool): Also return the probabilities.
            tiling (Tiling | None): Windows; None takes the config's.
            **options: `bands`, `gsd`, `stretch` of a file; `scale`.

        Returns:
            SegmentationResult | list[SegmentationResult]: One per image.

        Raises:
            FileNotFoundError: If an image does not exist.
            ValueError: If an image cannot be read or the classes are wrong.
        """
        asked = self.ask(classes)
        tiling = tiling or self.tiling
        options = {'scale': self.scale, **options}
        if isinstance(image, (list, tuple)):
            return [
                _predict(asked, one, scores, tiling, options) for one in image
            ]
        return _predict(asked, image, scores, tiling, options)

    def predict_scene(
        self,
        path: str | Scene,
        out: str | Path,
        classes: Classes | None = None,
        options: SceneOptions | None = None,
        scan: Any = None,
        **changes: Any,
    ) -> Any:
        """Predict a raster file of any size into a folder.

        Args:
            path (str | Scene): The scene, such as a GeoTIFF, or its
                address such as 'https://host/scene.tif'.
            out (str | Path): Folder for `labels.tif` and the rest.
            classes (Classes | None): See :meth:`vocabulary`.
            options (SceneOptions | None): None takes tiling and scale from
                the config.
            scan (ScanRows | None): How missing rows are predicted, such as
                by :func:`.regions.by_workers`; None does it in this process.
            **changes: Fields of the options that are to differ.

        Returns:
            SceneResult: Files, areas and notes; see :func:`predict_scene`
            for errors and for what happens after a kill.
        """
        # Writing scenes needs the optional rasterio.
        from aeroseg.mapping.job.predict_scene import predict_scene
        from aeroseg.mapping.job.scan_scene import scan_scene

        if options is None:
            options = SceneOptions(self.tiling, scale=self.scale)
        asked = self.ask(classes)
        return predict_scene(
            asked,
            path,
            out,
            asked.scheme,
            replace(options, **changes),
            self.model_id,
            scan or scan_scene,
        )

    def explain(self, classes: Classes | None = None) -> Explanation:
        """What the model is asked, and which classes look alike to it.

        Args:
            classes (Classes | None): See :meth:`vocabulary`.
        """
        encoder = self.model.text_encoder
        return explain(encoder, self.vocabulary(classes), self.trained)


def _predict(
    asked: VocabularyModel,
    image: Any,
    scores: bool,
    tiling: Tiling,
    options: dict[str, Any],
) -> SegmentationResult:
    scheme = asked.scheme
    with open_source(image, **options) as source:
        scan = Scan(asked, source, tiling, scheme.num_scores)
        labels = np.empty(source.shape, scheme.dtype)
        kept = None
        if scores:
            kept = np.empty((scheme.num_scores, *source.shape), np.float32)
        for top, ids, found in map_rows(scan, scheme):
            labels[top : top + len(ids)] = ids
            if kept is not None:
                kept[:, top : top + len(ids)] = found.numpy()
        picture = source.thumbnail(max(source.shape))
    return SegmentationResult(picture, labels, scheme, kept)


def _find_device(name: str | None) -> torch.device:
    """The device of that name; by default a GPU, or else the CPU."""
    if name is None:
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        found = torch.zeros(1, device=name)
        found.cpu()  # 'meta' has shapes, but no values
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'the device {name!r} cannot be used ({error}); name one that '
            "torch finds here, such as 'cpu' or 'cuda:0'"
        ) from error
    return found.device
