# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Test-time augmentation: the mean over scaled and flipped views."""

from typing import Any

import torch
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList

from aeroseg.background import decide

from .open_vocab import OpenVocabSegmentor

_BACKGROUND = 255


@MODELS.register_module()
class OpenVocabTTA(SegTTAModel):
    """Averages the probabilities of the views of an image.

    mmseg's model takes a softmax over the classes, and knows no background.
    Here the probabilities are those of the model itself, and the background
    rule of the vocabulary holds for the mean. A closed-set model is averaged
    as by mmseg.

    Args:
        module (dict | nn.Module): The segmentor.
        **kwargs: Further arguments of :class:`mmengine.model.BaseTTAModel`.
    """

    def merge_preds(self, data_samples_list: list[SampleList]) -> SampleList:
        """Merge the predictions of the views.

        Args:
            data_samples_list (list[list[SegDataSample]]): The views of each
                image, the one at the scale of the test first.

        Returns:
            list[SegDataSample]: The first view of each image, with the
            ``pred_sem_seg`` of all, (1, H, W).

        Raises:
            ValueError: If the results carry no logits.
        """
        if not isinstance(self.module, OpenVocabSegmentor):
            return super().merge_preds(data_samples_list)
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: SampleList) -> SegDataSample:
        merged = views[0]
        if 'seg_logits' not in merged:
            raise ValueError(
                'test-time augmentation needs the logits of all classes, and '
                f'with {self.module.out_channels} classes they are not kept; '
                'add --cfg-options model.test_cfg.keep_logits=True'
            )
        model = self.module
        total: Any = 0
        for view in views:
            total = total + model.result_probability(view.seg_logits.data)
        label = decide(
            [total / len(views)],
            model.num_classes,
            _BACKGROUND,
            model.vocabulary.threshold,
        )
        label = label.to(torch.int64)[None]
        merged.set_data({'pred_sem_seg': PixelData(data=label)})
        return merged


def unwrapped(model: Any) -> Any:
    """The segmentor inside wrappers for processes and augmentation.

    Args:
        model (nn.Module): The model of a runner.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model
