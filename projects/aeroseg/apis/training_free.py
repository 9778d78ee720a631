# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Prediction without a checkpoint of ours."""

import logging

from mmengine.config import Config

from aeroseg.models.layers.clip_pretrained import find_checkpoint

from .predictor import Predictor

logger = logging.getLogger(__name__)

MODEL = 'ViT-B-16-quickgelu'
_TAG = 'openai'
_URL = (
    'https://huggingface.co/timm/vit_base_patch16_clip_224.openai/resolve/'
    'main/open_clip_model.safetensors'
)


def training_free_config(clip: str = _TAG) -> Config:
    """SegEarth-OV without upsampling, as a config.

    It is built here, not read from ``configs/``, since an installed package
    has no such folder. What it does not name are the defaults of the parts;
    ``configs/training_free/segearth-ov_*`` add upsampling, whose weights
    nothing can download by name.

    Args:
        clip (str): Weights of CLIP ViT-B/16: a file or a tag of open_clip.
    """
    weights = {'type': 'CLIPPretrained', 'checkpoint': clip}
    model = {
        'type': 'TrainingFreeSegmentor',
        'backbone': {'type': 'DenseCLIP', 'model': MODEL, 'init_cfg': weights},
        'text_encoder': {
            'type': 'OpenCLIPTextEncoder',
            'model': MODEL,
            'templates': 'imagenet',
            'init_cfg': weights,
        },
    }
    # Windows as published: CLIP's own size, each pixel seen four times.
    return Config(
        {'model': model, 'predictor': {'window': 224, 'overlap': 112}}
    )


def training_free_predictor(
    clip: str | None = None, device: str | None = None, amp: bool = False
) -> Predictor:
    """The best of the models that need no training, ready to predict.

    Of the training-free methods that run with CLIP's weights alone,
    SegEarth-OV has the highest published figures on remote-sensing images.

    Args:
        clip (str | None): Weights of CLIP ViT-B/16: a file, or a tag of
            open_clip, which downloads them into its cache once. None is
            'openai'.
        device (str | None): See :class:`Predictor`.
        amp (bool): As above.

    Raises:
        FileNotFoundError: If there are no such weights, or the download
            fails.
        ValueError: If the weights are not those of a CLIP ViT-B/16.
    """
    name = clip or _TAG
    try:
        path = find_checkpoint(name, MODEL)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'without --checkpoint, weights of CLIP ViT-B/16 are needed, and '
            f'{name!r} is neither a file nor could be downloaded: download '
            f'{_URL} on a machine with a network and give the file by '
            '--clip FILE'
        ) from error
    logger.warning(
        'no --checkpoint: predicting with SegEarth-OV, which needs no '
        'training, on CLIP ViT-B/16 (%s); a trained model does better',
        path if clip else name,
    )
    return Predictor(training_free_config(str(path)), None, device, amp)
