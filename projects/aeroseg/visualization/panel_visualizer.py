# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Panels from mmseg's own visualisation hook (``--show-dir``)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmseg.registry import VISUALIZERS
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer
from torch import Tensor

from aeroseg.vocabulary import Vocabulary

from .panel import draw_panel, save_picture


@VISUALIZERS.register_module()
class PanelVisualizer(SegLocalVisualizer):
    """Draw image, truth, prediction, errors and legend for a data sample.

    ``visualizer=dict(type='PanelVisualizer', ...)`` replaces mmseg's picture
    by :func:`draw_panel`; hooks, backends and options stay those of mmseg.

    Args:
        name (str): Of the visualizer; mmengine tells instances apart by it.
        max_side (int): Longest side of each picture in pixels.
        model (ModelLink, optional): Model that is asked for the classes given
            to :meth:`set_dataset_meta`; set where mmseg's inferencer is used.
        **kwargs: As for `SegLocalVisualizer`; `alpha` is the opacity.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        max_side: int = 512,
        model: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault('alpha', 0.6)
        self.model = model  # first, since the base sets classes
        super().__init__(name, **kwargs)
        self.max_side = max_side

    def set_dataset_meta(
        self,
        classes: Sequence[str] | None = None,
        palette: Sequence[Sequence[int]] | None = None,
        dataset_name: str | None = None,
        **metainfo: Any,
    ) -> None:
        """Set names and colours; further metainfo (synonyms) is ignored.

        Args:
            classes (Sequence[str] | None): Class names. A model that is
                linked is asked for them; without classes, for all classes
                of its test data.
            palette (Sequence[Sequence[int]] | None): RGB per class. None
                uses the default colours.
            dataset_name (str | None): Of mmseg, where no classes are given.
            **metainfo: Not used.
        """
        meta: Any = {'classes': classes, 'palette': palette}
        if classes is None:
            super().set_dataset_meta(classes, palette, dataset_name)
            meta = self.dataset_meta  # type: ignore[has-type]
        if self.model is not None:
            unnamed = classes is None and dataset_name is None
            meta = self.model.ask_for(None if unnamed else meta)
        self.dataset_meta = meta

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: SegDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | Path | None = None,
        step: int = 0,
        **kwargs: Any,
    ) -> None:
        """Draw a data sample; the arguments are those of mmseg.

        Args:
            name (str): Of the image.
            image (np.ndarray): (H, W, 3) RGB, uint8.
            data_sample (SegDataSample | None): Holds `gt_sem_seg`,
                `pred_sem_seg`, both or none, (1, H, W).
            draw_gt (bool): Whether to show the truth.
            draw_pred (bool): Whether to show the prediction.
            show (bool): Open a window instead of saving.
            wait_time (float): Seconds the window stays open; 0: for ever.
            out_file (str | Path | None): Save there instead of in the
                backends.
            step (int): Passed to the backends.
            **kwargs: Further options of mmseg that do not apply to panels.
        """
        wanted = {'truth': ('gt_sem_seg', draw_gt)}
        wanted['prediction'] = ('pred_sem_seg', draw_pred)
        labels = {
            title: _ids(data_sample.get(key).data)
            for title, (key, draw) in wanted.items()
            if draw and data_sample is not None and key in data_sample
        }
        vocabulary = Vocabulary.from_metainfo(self.dataset_meta)
        drawn = draw_panel(
            np.ascontiguousarray(image, dtype=np.uint8),
            labels,
            vocabulary,
            opacity=self.alpha,
            max_side=self.max_side,
            title=name,
        )
        self.set_image(drawn)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        elif out_file is not None:
            save_picture(drawn, out_file)
        else:
            self.add_image(name, drawn, step)


def _ids(label: Any) -> np.ndarray:
    """Ids (H, W); mmseg's browse_dataset has turned tensors into arrays."""
    array = label.cpu().numpy() if isinstance(label, Tensor) else label
    return array.squeeze(0)
