# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Your own words on your own images."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from mmengine.config import Config
from PIL import Image
from torch import Tensor

from aeroseg.acceleration import accelerated
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.image_source import Source, open_source
from aeroseg.mapping.windows.resample_rows import ResampleRows
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
from .text_cache import TextCache, default_folder

logger = logging.getLogger(__name__)

Picture: TypeAlias = np.ndarray | Image.Image | str | Path
Classes: TypeAlias = str | Path | Sequence[str] | Vocabulary


class Predictor:
    """A trained model that is asked for any classes in any image.

    Args:
        config (str | Path | Config | None): The config the checkpoint was
            trained with. None takes the one that training left beside it.
        checkpoint (str | Path | None): The weights. None keeps random ones,
            which is of use for measurements only.
        device (str | None): 'cpu', 'cuda', 'cuda:1', ...; None takes a GPU if
            there is one.
        amp (bool): Compute in bfloat16 where that is safe.
        text_cache (str | Path | None): Folder for text features; '' keeps
            none. None takes ``~/.cache/aeroseg/text``.
        accelerate (bool | None): Compute linear layers on a CPU by oneDNN, see
            :mod:`aeroseg.acceleration`. None does as the config's field
            `accelerate`, which is True unless set.

    Attributes:
        tiling (Tiling): Window, overlap and batch by the config.
        scale (float): Pixels the model sees per pixel of an image, by the
            config: training enlarges its tiles as well.

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
        text_cache: str | Path | None = None,
        accelerate: bool | None = None,
    ) -> None:
        if config is None and checkpoint is None:
            raise ValueError('give a config, a checkpoint or both')
        self.config = read_config(config or find_config(checkpoint or ''))
        self.model: Any = build_model(self.config)
        self._trained: Vocabulary | None = None
        if checkpoint is None:
            logger.warning('no checkpoint: the weights are random')
        else:
            self._trained = load_weights(self.model, checkpoint)
        self.device = _find_device(device)
        self.model.to(self.device)
        self.amp = amp
        if accelerate is None:
            accelerate = self.config.get('accelerate', True)
        self.accelerate = accelerate
        settings = dict(self.config.get('predictor', {}))
        self.scale: float = settings.pop('scale', 1.0)
        self.tiling = Tiling(**settings)
        self.identity = model_identity(self.config, checkpoint)
        self._cache = self._make_cache(text_cache)

    def _make_cache(self, folder: str | Path | None) -> TextCache | None:
        encoder: Any = getattr(self.model, 'text_encoder', None)
        if folder == '' or not hasattr(encoder, 'remember'):
            return None
        place = default_folder() if folder is None else Path(folder)
        return TextCache(place, encoder)

    def vocabulary(self, classes: Classes | None = None) -> Vocabulary:
        """Read classes in any of the forms in which they are given.

        Args:
            classes (Classes | None): 'building, house; road' (';' between
                classes, ',' between synonyms), a list of such classes, the
                path of a vocabulary file, a vocabulary, or None for the
                classes of the training.

        Raises:
            ValueError: If names are empty or given twice.
            FileNotFoundError: If there is no such vocabulary file.
        """
        if classes is None:
            return self._trained or self.model.vocabulary
        if isinstance(classes, Vocabulary):
            return classes
        if isinstance(classes, Path):
            return Vocabulary.from_file(classes)
        if not isinstance(classes, str):
            classes = ';'.join(classes)
        return Vocabulary.parse(classes)

    def scheme(self, classes: Classes | None = None) -> LabelScheme:
        """Ask the model for these classes from now on.

        Args:
            classes (Classes | None): See :meth:`vocabulary`.

        Returns:
            LabelScheme: What the ids of its label maps mean.
        """
        vocabulary = self.vocabulary(classes)
        self.model.set_vocabulary(vocabulary)
        if self._cache is not None:
            with accelerated(self.accelerate):
                self._cache.prepare(vocabulary.queries)
        self._scheme = LabelScheme(vocabulary)
        return self._scheme

    def predict_scores(self, images: Tensor) -> Tensor:
        """Probabilities of the classes last asked for.

        Args:
            images (Tensor): (B, 3, H, W) float, RGB 0-255.

        Returns:
            Tensor: (B, S, H, W) in [0, 1]; contrast words are merged.
        """
        images = images.to(self.device, non_blocking=True)
        kind = self.device.type
        autocast = torch.autocast(kind, torch.bfloat16, enabled=self.amp)
        with autocast, accelerated(self.accelerate):
            logits = self.model.class_logits(images)
        return self._scheme.merge(logits.float().sigmoid_())

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
        scheme = self.scheme(classes)
        if isinstance(image, (list, tuple)):
            return [
                self._predict(one, scheme, scores, tiling, options)
                for one in image
            ]
        return self._predict(image, scheme, scores, tiling, options)

    def _predict(
        self,
        image: Any,
        scheme: LabelScheme,
        scores: bool,
        tiling: Tiling | None,
        options: dict[str, Any],
    ) -> SegmentationResult:
        source = open_source(image, **{'scale': self.scale, **options})
        scan = Scan(self, source, tiling or self.tiling, scheme.num_scores)
        resample = ResampleRows(source.grid, source.shape)
        labels = np.empty(source.shape, scheme.dtype)
        kept = None
        if scores:
            kept = np.empty((scheme.num_scores, *source.shape), np.float32)
        for top, found in resample(scan.rows()):
            bottom = top + found.shape[1]
            labels[top:bottom] = scheme.decide(found)
            if kept is not None:
                kept[:, top:bottom] = found.numpy()
        labels[~source.valid(0, source.shape[0])] = scheme.nodata
        picture = _pixels(source)
        return SegmentationResult(picture, labels, scheme, kept)

    def predict_scene(
        self,
        path: str | Path,
        out: str | Path,
        classes: Classes | None = None,
        **options: Any,
    ) -> Any:
        """Predict a raster file of any size into a folder.

        Args:
            path (str | Path): The scene, such as a GeoTIFF.
            out (str | Path): Folder for `labels.tif` and the rest.
            classes (Classes | None): See :meth:`vocabulary`.
            **options: Fields of :class:`SceneOptions`.

        Returns:
            SceneResult: Files, areas and notes; see :func:`predict_scene`
            for errors and for what happens after a kill.
        """
        # The scene engine needs the optional rasterio.
        from aeroseg.mapping.job.predict_scene import predict_scene
        from aeroseg.mapping.job.scene_options import SceneOptions

        options.setdefault('tiling', self.tiling)
        options.setdefault('scale', self.scale)
        return predict_scene(
            self,
            path,
            out,
            self.scheme(classes),
            SceneOptions(**options),
            f'{self.identity} {self.amp}',
        )

    def explain(self, classes: Classes | None = None) -> Explanation:
        """What the model is asked, and which classes look alike to it.

        Args:
            classes (Classes | None): See :meth:`vocabulary`.
        """
        vocabulary = self.vocabulary(classes)
        scheme = self.scheme(vocabulary)
        return explain(self.model.text_encoder, scheme.vocabulary)


def _find_device(name: str | None) -> torch.device:
    """The device of that name; by default a GPU, or else the CPU."""
    if name is None:
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'the device {name!r} cannot be used ({error}); name one that '
            "torch finds here, such as 'cpu' or 'cuda:0'"
        ) from error


def _pixels(source: Source) -> np.ndarray:
    """The scene itself, (H, W, 3) RGB uint8."""
    if hasattr(source, 'image'):
        return source.image
    return source.thumbnail(max(source.shape))  # type: ignore[attr-defined]
