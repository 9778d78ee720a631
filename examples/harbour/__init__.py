# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A package of one's own that adds parts to AerOSeg (docs/adding.md).

Importing it registers the parts; a config does so by custom_imports.
"""

from .dataset import HarbourDataset
from .focal_loss import OpenVocabFocalLoss
from .timm_guidance import TimmGuidance

__all__ = ['HarbourDataset', 'OpenVocabFocalLoss', 'TimmGuidance']
