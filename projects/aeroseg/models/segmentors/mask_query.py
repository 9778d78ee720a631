# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What the systems share that recognise masks instead of pixels."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .open_vocab import OpenVocabSegmentor


class MaskQuerySegmentor(OpenVocabSegmentor):
    """Base of SAN and SCAN: a feature per mask, compared with the words.

    The score of a class is the sum over the masks of its probability times
    the mask, (0, Q) for Q masks. A mask may also be of no class.
    """

    logit_scale: float

    def _init_no_class(self) -> None:
        """Make the learned word 'no class'; call it after the text encoder."""
        width = self.text_encoder.embed_dims
        self.no_class = nn.Parameter(torch.empty(1, width))
        nn.init.normal_(self.no_class, std=width**-0.5)

    def _word_features(self) -> Tensor:
        """Scaled features of the words and of 'no class', (T + K + 1, C)."""
        prompts = self.text_encoder(self.vocabulary.queries)
        words = torch.cat([prompts.mean(dim=1), self.no_class])
        return self.logit_scale * F.normalize(words, dim=-1)

    def to_probability(self, logits: Tensor) -> Tensor:
        """Sums over masks, which can exceed 1, to the range [0, 1)."""
        return 1 - torch.exp(-logits)
