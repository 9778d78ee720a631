# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""SED's gradual fusion decoder with category early rejection."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from aeroseg.acceleration import is_recorded

from ..features import SEDFeatures
from .fusion_stage import FusionStage, join
from .open_vocab_head import OpenVocabHead

REJECTED = -1e4  # a logit whose sigmoid is 0


class Decoded(NamedTuple):
    """What :meth:`GradualFusionHead.decode` returns.

    Attributes:
        logits (Tensor): Of the classes that are left, (B, t, 8h, 8w).
        auxiliary (list[Tensor]): Logits before each stage of the classes that
            took part until then, at h, 2h and 4h; empty where nobody needs
            them.
        classes (Tensor): Ids of the classes that are left, (t,).
    """

    logits: Tensor
    auxiliary: list[Tensor]
    classes: Tensor


@MODELS.register_module()
class GradualFusionHead(OpenVocabHead):
    """Correlation -> one logit per class at eight times the grid.

    Written from SED (Xie et al., CVPR 2024, sections 3.3 and 3.4) and equal
    to the network of https://github.com/xb534/SED. After an embedding of the
    correlation come three stages (:class:`FusionStage`). Before each of
    them, an auxiliary head scores the classes. It learns from detached maps,
    so that it has no influence on the rest.

    Category early rejection: in evaluation, before each stage, only classes
    go on that are among the k best of any cell by the auxiliary head. The
    others get a probability of 0 everywhere. It saves time with a large
    vocabulary; the scores of the classes that are left change, too, since
    the attention over classes sees only them.

    Args:
        in_channels (int): P, channels of the correlation: prompts.
        guidance_channels (Sequence[int]): Channels of the image tower's
            stages, from the coarsest to the finest, one per decoder stage.
        embed_dims (int): D, width of the embedded correlation.
        stage_channels (Sequence[int]): Channels after each stage; multiples
            of 16.
        guidance_dims (Sequence[int]): Width of the guidance in each stage.
        num_heads (int): Heads of the attention over classes.
        embed_kernel_size (int): Of the convolution over the correlation.
        kernel_size (int): Of the ConvNeXt blocks.
        pool_train (int): Cells per side that the attention over classes
            averages over while training: 2, as published.
        pool_test (int): The same in evaluation: 1, as in the test script.
            (The published evaluation inside training has 2.)
        rejection_k (int): k of the category early rejection; 0 for none, the
            published main results. The published fast results have 8.
        with_cp (bool): Recompute activations in the backward pass.
        **kwargs: Further arguments of :class:`OpenVocabHead`.

    Raises:
        ValueError: If the numbers of stages differ.
    """

    def __init__(
        self,
        in_channels: int,
        guidance_channels: Sequence[int],
        embed_dims: int = 128,
        stage_channels: Sequence[int] = (64, 32, 16),
        guidance_dims: Sequence[int] = (32, 16, 8),
        num_heads: int = 4,
        embed_kernel_size: int = 7,
        kernel_size: int = 9,
        pool_train: int = 2,
        pool_test: int = 1,
        rejection_k: int = 0,
        with_cp: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(in_channels, stage_channels[-1], **kwargs)
        numbers = len(guidance_channels), len(stage_channels)
        if len({*numbers, len(guidance_dims)}) > 1:
            raise ValueError(
                f'guidance_channels={guidance_channels}, stage_channels='
                f'{stage_channels} and guidance_dims={guidance_dims} differ '
                'in length; give one of each per stage'
            )
        self.rejection_k = rejection_k
        padding = embed_kernel_size // 2
        self.embed = nn.Conv2d(
            in_channels, embed_dims, embed_kernel_size, padding=padding
        )
        widths = (embed_dims, *stage_channels)
        own = (in_channels, *guidance_dims)
        self.stages = nn.ModuleList(
            FusionStage(
                widths[i],
                widths[i + 1],
                guidance_channels[i],
                own[i],
                guidance_dims[i],
                num_heads,
                kernel_size,
                pool_train,
                pool_test,
                with_cp,
            )
            for i in range(len(stage_channels))
        )
        self.auxiliary_heads = nn.ModuleList(
            nn.Conv2d(width, 1, 3, padding=1) for width in widths[:-1]
        )
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, inputs: SEDFeatures) -> Tensor:
        """Decode.

        Args:
            inputs (SEDFeatures): Correlation and guidance.

        Returns:
            Tensor: Logits, (B, T, 8h, 8w); that of a rejected class is -1e4
            everywhere.
        """
        if self.training or not self.rejection_k:
            return self.decode(inputs).logits
        images = []
        for index in range(len(inputs.correlation)):
            one = slice(index, index + 1)
            decoded = self.decode(
                SEDFeatures(
                    inputs.correlation[one],
                    tuple(guidance[one] for guidance in inputs.guidance),
                )
            )
            _, _, height, width = decoded.logits.shape
            classes = inputs.correlation.shape[1]
            logits = decoded.logits.new_full(
                (1, classes, height, width), REJECTED
            )
            logits[:, decoded.classes] = decoded.logits
            images.append(logits)
        return torch.cat(images)

    def decode(self, inputs: SEDFeatures) -> Decoded:
        """Decode, and reject classes where that is switched on.

        Args:
            inputs (SEDFeatures): Correlation and guidance; of one image where
                classes are to be rejected.
        """
        x, own = self._embed(inputs.correlation)
        classes = torch.arange(x.shape[1], device=x.device)
        rejects = bool(self.rejection_k) and not self.training
        auxiliary = []
        for index, stage in enumerate(self.stages):
            if self.training or rejects:
                scores = score(self.auxiliary_heads[index], x.detach())
                auxiliary.append(scores)
            if rejects:
                kept = self.best_somewhere(scores)
                x, own, classes = x[:, kept], own[:, kept], classes[kept]
            count = x.shape[1]
            chunk = count if is_recorded() else self.class_chunk
            parts = stage(x, own, inputs.guidance[index], chunk)
            if stage is not self.stages[-1]:
                x, own = join(parts, count)
        logits = torch.cat([score(self.head, maps) for maps, _ in parts], 1)
        return Decoded(logits, auxiliary, classes)

    def best_somewhere(self, scores: Tensor) -> Tensor:
        """Classes that are among the k best in some cell of the image.

        Args:
            scores (Tensor): (1, T, h, w).

        Returns:
            Tensor: Their places in ascending order, (t,).
        """
        k = min(self.rejection_k, scores.shape[1])
        return scores.topk(k, dim=1).indices.unique()

    def loss(
        self,
        inputs: SEDFeatures,
        batch_data_samples: SampleList,
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """The losses of the logits and of each auxiliary head, unweighted."""
        decoded = self.decode(inputs)
        losses = self.loss_by_feat(decoded.logits, batch_data_samples)
        for index, logits in enumerate(decoded.auxiliary):
            more = self.loss_by_feat(logits, batch_data_samples)
            del more['acc_seg']
            losses |= {f'aux{index}.{key}': more[key] for key in more}
        return losses

    def _embed(self, correlation: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, P, h, w) -> (B, T, h, w, D) and (B, T, h, w, P)."""
        x = self.embed(correlation.flatten(0, 1)).permute(0, 2, 3, 1)
        x = x.contiguous().unflatten(0, correlation.shape[:2])
        return x, correlation.permute(0, 1, 3, 4, 2)


def score(head: nn.Module, maps: Tensor) -> Tensor:
    """Logits of class maps: (B, T, h, w, D) -> (B, T, h, w)."""
    scores = head(maps.flatten(0, 1).permute(0, 3, 1, 2))
    return scores[:, 0].unflatten(0, maps.shape[:2])
