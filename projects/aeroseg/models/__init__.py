# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The model of the paper, one folder per part.

Shapes: B batch, R rotations, T classes, P prompts, C channels or embedding
width, D correlation width, H x W image pixels, h x w grid cells.
"""

from .backbones import (
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
    SideAdapterHead,
)
from .features import AerOSegFeatures, SEDFeatures
from .guidance import *  # noqa: F403
from .layers.clip_pretrained import CLIPPretrained
from .losses import BackProjectionLoss, OpenVocabBCELoss
from .necks import CorrelationNeck, JBUPretrained, JBUUpsampler
from .segmentors import (
    SAN,
    SED,
    AerOSeg,
    OpenVocabSegmentor,
    TrainingFreeSegmentor,
)
from .text_encoders import OpenCLIPTextEncoder

__all__ = [
    'SAN',
    'SED',
    'AerOSeg',
    'AerOSegFeatures',
    'AttentionUpsampleHead',
    'BackProjectionHead',
    'BackProjectionLoss',
    'CLIPFeatures',
    'CLIPPretrained',
    'ConvNeXtCLIP',
    'CorrelationNeck',
    'DenseCLIP',
    'DenseFeatures',
    'GradualFusionHead',
    'JBUPretrained',
    'JBUUpsampler',
    'OpenCLIPTextEncoder',
    'OpenVocabBCELoss',
    'OpenVocabSegmentor',
    'RGBDataPreProcessor',
    'RotatedCLIP',
    'SEDFeatures',
    'SideAdapterHead',
    'SplitCLIP',
    'TrainingFreeSegmentor',
]
