# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The model of the paper, one folder per part.

Shapes: B batch, R rotations, T classes, P prompts, C channels or embedding
width, D correlation width, H x W image pixels, h x w grid cells.
"""

from .backbones import (
    BlockCLIP,
    BlockFeatures,
    CLIPFeatures,
    ConvNeXtCLIP,
    DenseCLIP,
    DenseFeatures,
    RotatedCLIP,
    SplitCLIP,
)
from .data_preprocessor import RGBDataPreProcessor
from .decode_heads import (
    AttentionUpsampleHead,
    BackProjectionHead,
    GradualFusionHead,
    MaskedAttentionHead,
    SideAdapterHead,
)
from .features import AerOSegFeatures, SEDFeatures
from .guidance import *  # noqa: F403
from .layers.clip_pretrained import CLIPPretrained
from .losses import BackProjectionLoss, OpenVocabBCELoss
from .necks import (
    CorrelationNeck,
    DeformablePixelDecoder,
    JBUPretrained,
    JBUUpsampler,
    SemanticIntegration,
)
from .segmentors import (
    SAN,
    SCAN,
    SED,
    AerOSeg,
    OpenVocabSegmentor,
    TrainingFreeSegmentor,
)
from .text_encoders import OpenCLIPTextEncoder

__all__ = [
    'SAN',
    'SCAN',
    'SED',
    'AerOSeg',
    'AerOSegFeatures',
    'AttentionUpsampleHead',
    'BackProjectionHead',
    'BackProjectionLoss',
    'BlockCLIP',
    'BlockFeatures',
    'CLIPFeatures',
    'CLIPPretrained',
    'ConvNeXtCLIP',
    'CorrelationNeck',
    'DeformablePixelDecoder',
    'DenseCLIP',
    'DenseFeatures',
    'GradualFusionHead',
    'JBUPretrained',
    'JBUUpsampler',
    'MaskedAttentionHead',
    'OpenCLIPTextEncoder',
    'OpenVocabBCELoss',
    'OpenVocabSegmentor',
    'RGBDataPreProcessor',
    'RotatedCLIP',
    'SEDFeatures',
    'SemanticIntegration',
    'SideAdapterHead',
    'SplitCLIP',
    'TrainingFreeSegmentor',
]
