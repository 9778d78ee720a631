# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Weights of a JBU upsampler from a file of FeatUp or SimFeatUp."""

from typing import TYPE_CHECKING

from mmengine.logging import print_log
from mmengine.model import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS

from aeroseg.checkpoints.fit import check_fit
from aeroseg.checkpoints.read import read_weights

if TYPE_CHECKING:
    from .jbu_upsampler import JBUUpsampler

_PREFIX = 'upsampler.'
_ADVICE = (
    "For CLIP ViT-B/16 there is kind='jbu_one' of SegEarth-OV (github.com/"
    'likyoo/SegEarth-OV, simfeatup_dev/weights/xclip_jbu_one_million_aid.'
    "ckpt) and kind='jbu_stack' of FeatUp (github.com/mhamilton723/FeatUp, "
    'clip_jbu_stack_cocostuff.ckpt); without a file set model.upsampler=None.'
)


@WEIGHT_INITIALIZERS.register_module()
class JBUPretrained:
    """Weight initialiser: load upsampling weights into a ``JBUUpsampler``.

    Args:
        checkpoint (str): A local file of FeatUp or SimFeatUp. Nothing but
            tensors is unpickled.
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint

    def __call__(self, module: 'JBUUpsampler') -> None:
        """Load the weights.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is of another kind, or for features of
                another width.
        """
        tensors = read_weights(self.checkpoint, _ADVICE)
        state = {
            key.removeprefix(_PREFIX): value.float()
            for key, value in tensors.items()
            if key.startswith(_PREFIX)
        }
        kind = 'jbu_stack' if 'up1.range_temp' in state else 'jbu_one'
        if state and kind != module.kind:
            raise ValueError(
                f'{self.checkpoint} holds the upsampler {kind!r}, the model '
                f'has {module.kind!r}: set model.upsampler.kind={kind}'
            )
        width = len(state.get('fixup_proj.1.bias', ()))
        if state and width != module.in_channels:
            raise ValueError(
                f'{self.checkpoint} upsamples features of width {width}, this '
                f'CLIP model has {module.in_channels}: take the CLIP model '
                'that the file was trained for (ViT-B/16 has 512), or set '
                'model.upsampler=None'
            )
        check_fit(
            module.state_dict(),
            state,
            f'{self.checkpoint} holds no JBU upsampler',
            _ADVICE,
        )
        module.load_state_dict(state)
        print_log(f'JBU weights loaded from {self.checkpoint}', 'current')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, f'JBUPretrained: {self.checkpoint}')
