# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""SAN's side network with its losses, from mmseg, for any vocabulary."""

from collections.abc import Sequence

from mmengine.config import ConfigDict
from mmseg.models.decode_heads.san_head import SideAdapterNetwork
from mmseg.registry import MODELS
from torch import Tensor

from .mask_query_head import MaskQueryHead


@MODELS.register_module()
class SideAdapterHead(MaskQueryHead):
    """Mask proposals and attention biases next to a frozen CLIP.

    The network is mmseg's
    (:class:`mmseg.models.decode_heads.san_head.SideAdapterNetwork`), as are
    matching and losses (:class:`MaskQueryHead`). CLIP belongs to the
    backbone.

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
        super().__init__(
            embed_dims,
            num_queries,
            supervised,
            loss_weights,
            no_object,
            num_points,
            init_cfg,
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
