# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The two terms of the training loss (eq. 14)."""

from .back_projection_loss import BackProjectionLoss
from .open_vocab_bce_loss import OpenVocabBCELoss

__all__ = ['BackProjectionLoss', 'OpenVocabBCELoss']
