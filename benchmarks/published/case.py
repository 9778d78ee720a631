# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The published networks as a case of the benchmark."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from benchmark_case import Case, Load, ModelCase
from mmengine.config import Config
from torch import Tensor, nn

from aeroseg.checkpoints.published_keys import convert_published
from published.networks import PublishedNetwork


class PublishedCase(Case):
    """CAT-Seg or OVRS with ViT-B/16 as published, in float32.

    Args:
        load (Load): The work of a step.
        config (Config): Of one of our models; it says how many rotations.
    """

    def __init__(self, load: Load, config: Config) -> None:
        super().__init__(
            replace(load, dtype='float32', compile=False, accelerate=False)
        )
        rotations = len(config.model.backbone.get('rotations', (0, 1, 2, 3)))
        torch.manual_seed(0)
        pooling = 2 if load.train else 1
        self.network = PublishedNetwork(
            rotations, pooling=pooling, grid=load.size // 16
        )
        self.network.train_like_published()
        self.network.to(self.device)
        self.tokens = torch.randint(1, 49000, (load.classes, 77))
        self.tokens = self.tokens.to(self.device)
        with torch.no_grad():
            self.words = self.text()

    @property
    def model(self) -> nn.Module:
        """The network."""
        return self.network

    @property
    def stages(self) -> dict[str, list[nn.Module]]:
        """The modules that make up each of the stages."""
        network, aggregator = self.network, self.network.aggregator
        return {
            'clip': [network.clip.visual],
            'refinement': [
                aggregator.conv1,
                aggregator.guidance_projection,
                aggregator.text_guidance_projection,
                *(layer.swin_block for layer in aggregator.layers),
                *(layer.attention for layer in aggregator.layers),
            ],
            'spatial': [layer.swin_block for layer in aggregator.layers],
            'classes': [layer.attention for layer in aggregator.layers],
            'decoder': [
                network.upsample1,
                network.upsample2,
                *aggregator.decoder_guidance_projection,
                aggregator.decoder1,
                aggregator.decoder2,
                aggregator.head,
            ],
        }

    def predict(self) -> Tensor:
        """Logits at a quarter of the size, enlarged; the best of them."""
        logits = self.network(self.images / 255, self.words)
        size = self.images.shape[-2:]
        return F.interpolate(logits, size, mode='bilinear').argmax(dim=1)

    def loss(self) -> Tensor:
        """Binary cross-entropy, the text in the graph."""
        logits = self.network(self.images / 255, self.text())
        size = self.labels.shape[-2:]
        logits = F.interpolate(logits, size, mode='bilinear')
        target = F.one_hot(self.labels, self.load.classes)
        return F.binary_cross_entropy_with_logits(
            logits, target.permute(0, 3, 1, 2).float()
        )

    def text(self) -> Tensor:
        """One prompt of 77 tokens for each class."""
        return self.network.encode_text(self.tokens, prompts=1)

    @torch.no_grad()
    def agreement(self, config: Config) -> dict[str, float]:
        """Largest differences from our model with the same weights.

        Args:
            config (Config): Of a model that the published networks have a
                counterpart of.

        Returns:
            dict[str, float]: Of the text features and, relative to the
            largest logit, of the logits.
        """
        ours = ModelCase(self.load, config).network.eval()
        own = ours.state_dict()
        state = convert_published(self.network.state_dict())
        ours.load_state_dict({**own, **state}, strict=True)
        queries = ours.vocabulary.queries
        encoder = ours.text_encoder
        tokens = encoder.tokenizer(encoder.sentences([q[0] for q in queries]))
        words = self.network.encode_text(tokens.to(self.device), prompts=1)
        backbone = ours.backbone
        images = (self.images - backbone.mean) / backbone.std
        expected = self.network.eval()(images, words)
        actual = ours.decode_head(ours.extract_feat(self.images))
        difference = (actual - expected).abs().max() / expected.abs().max()
        return {
            'text_difference': (encoder(queries) - words).abs().max().item(),
            'logits_difference': difference.item(),
        }
