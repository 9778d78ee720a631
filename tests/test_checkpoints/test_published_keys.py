# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Names of the published checkpoints."""

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from aeroseg.checkpoints.published_keys import convert_published
from published.networks import PublishedNetwork


@pytest.mark.parametrize('rotations', [1, 4])
def test_the_whole_network_finds_its_place(
    rotations: int, root: object
) -> None:
    """Under the names of a detectron2 checkpoint, at full size."""
    with torch.device('meta'):
        oracle = PublishedNetwork(rotations).state_dict()
        name = 'ovrs' if rotations == 4 else 'catseg'
        model = Config.fromfile(
            f'{root}/configs/_base_/models/{name}_vit-b16.py'
        ).model
        for part in ('backbone', 'text_encoder'):
            model[part].init_cfg = None
        ours = MODELS.build(model).state_dict()
    published = {}
    for key, value in oracle.items():
        name = key.replace('clip.', 'clip_model.', 1)
        name = name.replace('aggregator.', 'transformer.', 1)
        prefix = '' if key.startswith('upsample') else 'predictor.'
        published[f'sem_seg_head.{prefix}{name}'] = value
    converted = convert_published(published)
    assert set(converted) == set(ours)
    unlike = [k for k in ours if ours[k].shape != converted[k].shape]
    assert not unlike


def test_a_foreign_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'backbone\.conv' is no tensor"):
        convert_published({'backbone.conv': torch.zeros(1)})
