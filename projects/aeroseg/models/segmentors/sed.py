# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""SED: a simple encoder-decoder on a convolutional CLIP."""

from collections.abc import Mapping
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor, nn

from aeroseg.vocabulary import Vocabulary

from ..backbones.rotated_clip import CLIPFeatures
from ..features import SEDFeatures
from ..necks.correlation_neck import correlate
from .open_vocab import OpenVocabSegmentor


@MODELS.register_module()
class SED(OpenVocabSegmentor):
    """SED (Xie et al., CVPR 2024), equal to the published network.

    image -> backbone; vocabulary -> text encoder; their cosine similarity and
    the backbone's finer stages -> decode head. Unlike AerOSeg it sees the
    image from one rotation, trains the whole image tower and freezes the
    text tower.

    Args:
        backbone (dict): Image tower; see :class:`ConvNeXtCLIP`.
        text_encoder (dict): Text tower; see :class:`OpenCLIPTextEncoder`.
        decode_head (dict): See :class:`GradualFusionHead`.
        vocabulary (dict | Vocabulary, optional): See
            :class:`OpenVocabSegmentor`.
        train_cfg (dict, optional): As above.
        test_cfg (dict, optional): As above.
        data_preprocessor (dict, optional): As above.
        init_cfg (dict, optional): As above.
        pretrained (None): As above.
    """

    def __init__(
        self,
        backbone: dict,
        text_encoder: dict,
        decode_head: dict,
        vocabulary: Mapping[str, Any] | Vocabulary | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
        pretrained: None = None,
    ) -> None:
        super().__init__(
            vocabulary,
            train_cfg,
            test_cfg,
            data_preprocessor,
            init_cfg,
            pretrained,
        )
        self.backbone = MODELS.build(backbone)
        self.text_encoder = MODELS.build(text_encoder)
        *finer, _ = self.backbone.stage_channels
        self.decode_head = MODELS.build(
            decode_head,
            default_args={
                'in_channels': self.text_encoder.num_prompts,
                'guidance_channels': finer[::-1],
            },
        )
        self.align_corners = self.decode_head.align_corners
        self.class_chunk = self.decode_head.class_chunk

    @property
    def stride(self) -> int:
        """See :class:`ConvNeXtCLIP`."""
        return self.backbone.stride

    def extract_feat(self, inputs: Tensor) -> SEDFeatures:
        """Image -> what the head looks at.

        Args:
            inputs (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.
        """
        return self._correlate(self.encode_images(inputs))

    def encode_images(self, images: Tensor) -> CLIPFeatures:
        """See :class:`OpenVocabSegmentor`."""
        return self.backbone(images)

    def decode_maps(self, features: CLIPFeatures) -> Tensor:
        """See :class:`OpenVocabSegmentor`; (B, T + K, 8h, 8w)."""
        return self.decode_head(self._correlate(features))

    def _correlate(self, clip: CLIPFeatures) -> SEDFeatures:
        text = self.text_encoder(self.vocabulary.queries)
        *finer, _ = clip.intermediate
        # As published, the tower learns through the correlation alone.
        guidance = tuple(stage.detach() for stage in finer[::-1])
        return SEDFeatures(correlate(clip.dense, text), guidance)
