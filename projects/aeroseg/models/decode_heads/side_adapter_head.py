# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""SAN's side network with its losses, from mmseg, for any vocabulary."""

from collections.abc import Sequence

from mmengine.config import ConfigDict
from mmseg.models.decode_heads.san_head import (
    SideAdapterCLIPHead,
    SideAdapterNetwork,
)
from mmseg.registry import MODELS
from mmseg.utils import MatchMasks, SampleList, seg_data_to_instance_data
from torch import Tensor

from ..layers.point_sample import fill_point_sample


@MODELS.register_module()
class SideAdapterHead(SideAdapterCLIPHead):
    """Mask proposals and attention biases next to a frozen CLIP.

    The network, the matching and the losses are mmseg's
    (:class:`mmseg.models.decode_heads.san_head.SideAdapterCLIPHead`). What
    differs: the number of classes is that of the vocabulary in use, CLIP
    belongs to the backbone, and no compiled op of mmcv is needed.

    Args:
        clip_channels (int): Width of the maps of CLIP.
        clip_heads (int): Heads of CLIP's attention.
        num_maps (int): Maps of CLIP; they are added before the first block
            and after one block each.
        num_queries (int): Q, mask proposals.
        embed_dims (int): Width of the side network.
        num_layers (int): Its blocks.
        num_heads (int): Heads of its attention.
        mask_dims (int): Width of the mask decoder.
        supervised (Sequence[int]): Blocks with losses besides the last one,
            counted from 1.
        loss_weights (tuple[float, float, float]): Of the classification, the
            binary cross-entropy and the Dice loss; the matching has the same.
        no_object (float): Weight of 'no class' in the classification.
        num_points (int): Points per mask in matching and losses.
        init_cfg (dict, optional): mmengine initialisation.
    """

    def __init__(
        self,
        clip_channels: int,
        clip_heads: int,
        num_maps: int = 4,
        num_queries: int = 100,
        embed_dims: int = 240,
        num_layers: int = 8,
        num_heads: int = 6,
        mask_dims: int = 256,
        supervised: Sequence[int] = (7,),
        loss_weights: tuple[float, float, float] = (2.0, 5.0, 5.0),
        no_object: float = 0.1,
        num_points: int = 12544,
        init_cfg: dict | None = None,
    ) -> None:
        fill_point_sample()
        # Not SideAdapterCLIPHead's own: it would build a second CLIP.
        super(SideAdapterCLIPHead, self).__init__(
            in_channels=3,
            channels=embed_dims,
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
        self.side_adapter_network = SideAdapterNetwork(
            clip_channels=clip_channels,
            embed_dims=embed_dims,
            num_queries=num_queries,
            fusion_index=list(range(num_maps)),
            cfg_encoder=ConfigDict(
                num_encode_layer=num_layers, num_heads=num_heads, mlp_ratio=4
            ),
            cfg_decoder=ConfigDict(
                num_heads=clip_heads,
                num_layers=1,
                embed_channels=mask_dims,
                mlp_channels=mask_dims,
                num_mlp=3,
                rescale=True,
            ),
            norm_cfg={'type': 'LN', 'eps': 1e-6},
        )
        self.match_masks = MatchMasks(
            num_points, num_queries, 2, _assigner(*loss_weights)
        )

    def init_weights(self) -> None:
        """Initialise the side network as mmseg does."""
        self.side_adapter_network.init_weights()

    def forward(
        self, image: Tensor, maps: Sequence[Tensor], every: bool = False
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Propose masks.

        Args:
            image (Tensor): Normalised as for CLIP, (B, 3, H, W).
            maps (Sequence[Tensor]): Of CLIP, from shallow to deep,
                (B, W, h, w) each.
            every (bool): Also those of the supervised blocks, first.

        Returns:
            tuple[list[Tensor], list[Tensor]]: Mask logits, (B, Q, H / 16,
            W / 16), and attention biases, (B, heads, Q, H / 16, W / 16), of
            each supervised block and of the last one, or of that alone.
        """
        masks, biases = self.side_adapter_network(
            image,
            [(feature,) for feature in maps],
            self.deep_supervision_idxs if every else [],
        )
        return masks, [bias[0] for bias in biases]

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
