# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From refined correlation to logits, and back to the guidance."""

from .attention_upsample_head import AttentionUpsampleHead
from .back_projection_head import BackProjectionHead
from .gradual_fusion_head import GradualFusionHead
from .masked_attention_head import MaskedAttentionHead
from .side_adapter_head import SideAdapterHead

__all__ = [
    'AttentionUpsampleHead',
    'BackProjectionHead',
    'GradualFusionHead',
    'MaskedAttentionHead',
    'SideAdapterHead',
]
