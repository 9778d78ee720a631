# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Losses of mask queries that are matched to the truth, from mmseg."""

from collections.abc import Sequence

from mmengine.config import ConfigDict
from mmseg.models.decode_heads.san_head import SideAdapterCLIPHead
from mmseg.utils import MatchMasks, SampleList, seg_data_to_instance_data
from torch import Tensor

from ..layers.point_sample import fill_point_sample


class MaskQueryHead(SideAdapterCLIPHead):
    """Base of the heads whose queries are matched to classes (SAN, SCAN).

    Matching and losses are mmseg's
    (:class:`mmseg.models.decode_heads.san_head.SideAdapterCLIPHead`). What
    differs: the number of classes is that of the vocabulary in use, and no
    compiled op of mmcv is needed. A subclass builds its network.

    Args:
        channels (int): Width of the network.
        num_queries (int): Q, mask proposals.
        supervised (Sequence[int]): Names of the predictions with losses
            besides the last one, in their order.
        loss_weights (tuple[float, float, float]): Of the classification, the
            binary cross-entropy and the Dice loss; the matching has the same.
        no_object (float): Weight of 'no class' in the classification.
        num_points (int): Points per mask in matching and losses.
        init_cfg (dict, optional): mmengine initialisation.
    """

    def __init__(
        self,
        channels: int,
        num_queries: int = 100,
        supervised: Sequence[int] = (),
        loss_weights: tuple[float, float, float] = (2.0, 5.0, 5.0),
        no_object: float = 0.1,
        num_points: int = 12544,
        init_cfg: dict | None = None,
    ) -> None:
        fill_point_sample()
        # Not SideAdapterCLIPHead's own: it would build a side network and a
        # second CLIP.
        super(SideAdapterCLIPHead, self).__init__(
            in_channels=3,
            channels=channels,
            num_classes=2,  # any; see loss_of_queries
            loss_decode=_losses(*loss_weights),
            init_cfg=init_cfg,
        )
        del self.conv_seg
        self.no_object = no_object
        self.deep_supervision_idxs = list(supervised)
        self.train_cfg = ConfigDict(
            num_points=num_points,
            oversample_ratio=3.0,
            importance_sample_ratio=0.75,
        )
        self.match_masks = MatchMasks(
            num_points, num_queries, 2, _assigner(*loss_weights)
        )

    def loss_of_queries(
        self,
        class_logits: list[Tensor],
        masks: list[Tensor],
        batch_data_samples: SampleList,
    ) -> dict[str, Tensor]:
        """Losses of matched queries.

        Args:
            class_logits (list[Tensor]): Per supervised block, (B, Q, T + 1),
                the last column for 'no class'.
            masks (list[Tensor]): Per supervised block, (B, Q, h, w).
            batch_data_samples (list[SegDataSample]): With ``gt_sem_seg``.

        Returns:
            dict[str, Tensor]: Losses by name; those of earlier blocks with
            'd' and the number of the block in front.
        """
        classes = class_logits[-1].shape[-1] - 1
        self.match_masks.num_classes = classes
        weights = [1.0] * classes + [self.no_object]
        self.loss_decode[0].class_weight = weights
        truth = seg_data_to_instance_data(
            self.ignore_index, batch_data_samples
        )
        return self.loss_by_feat(class_logits, masks, truth)


def _losses(cls: float, mask: float, dice: float) -> list[dict]:
    return [
        {
            'type': 'CrossEntropyLoss',
            'loss_name': 'loss_cls_ce',
            'loss_weight': cls,
        },
        {
            'type': 'CrossEntropyLoss',
            'use_sigmoid': True,
            'loss_name': 'loss_mask_ce',
            'loss_weight': mask,
        },
        {
            'type': 'DiceLoss',
            'ignore_index': None,
            'naive_dice': True,
            'eps': 1,
            'loss_name': 'loss_mask_dice',
            'loss_weight': dice,
        },
    ]


def _assigner(cls: float, mask: float, dice: float) -> dict:
    return {
        'type': 'HungarianAssigner',
        'match_costs': [
            {'type': 'ClassificationCost', 'weight': cls},
            {
                'type': 'CrossEntropyLossCost',
                'weight': mask,
                'use_sigmoid': True,
            },
            {'type': 'DiceCost', 'weight': dice, 'pred_act': True, 'eps': 1.0},
        ],
    }
