# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Weights of a DINO or DINOv2 ViT, by timm's name or from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import timm
from mmengine.logging import print_log
from mmengine.model import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from timm.models.vision_transformer import checkpoint_filter_fn

from aeroseg.checkpoints.fit import check_fit
from aeroseg.checkpoints.read import read_weights

if TYPE_CHECKING:
    from .dino import DINOGuidance

_ADVICE = (
    'Official files are https://dl.fbaipublicfiles.com/dino/'
    'dino_vitbase8_pretrain/dino_vitbase8_pretrain.pth (DINO) and '
    'https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/'
    'dinov2_vitb14_reg4_pretrain.pth (DINOv2): download one and give its path '
    "as the checkpoint, or give timm's name ('vit_base_patch8_224.dino') to "
    'have timm download its copy.'
)


@WEIGHT_INITIALIZERS.register_module()
class DINOPretrained:
    """Weight initialiser: load DINO weights into a ``DINOGuidance``.

    Args:
        checkpoint (str): A local file under official or timm's names, or
            timm's name of weights, which timm downloads into its cache once.
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint

    def __call__(self, module: DINOGuidance) -> None:
        """Load the weights.

        Raises:
            FileNotFoundError: If there is no such file, or the download
                fails.
            ValueError: If the file does not fit the encoder.
        """
        vit = module.encoder
        if timm.is_model_pretrained(self.checkpoint):
            state = _download(self.checkpoint)
        else:
            state = read_weights(self.checkpoint, _ADVICE)
        state = checkpoint_filter_fn(state, vit)
        own = vit.state_dict()
        check_fit(
            own,
            state,
            f'{self.checkpoint} does not fit the encoder {module.model!r}',
            f'Choose the model that the file was made for. {_ADVICE}',
            ignored=lambda name: name.startswith(('head.', 'mask_token')),
        )
        vit.load_state_dict({name: state[name] for name in own})
        print_log(f'DINO weights loaded from {self.checkpoint}', 'current')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, f'DINOPretrained: {self.checkpoint}')


def _download(name: str) -> dict:
    print_log(f'timm downloads {name}, unless it is in its cache', 'current')
    try:
        return timm.create_model(name, pretrained=True).state_dict()
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f'the weights {name} could not be downloaded '
            f'({type(error).__name__}). {_ADVICE}'
        ) from error
