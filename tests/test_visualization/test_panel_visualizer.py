# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.registry import VISUALIZERS
from mmseg.structures import SegDataSample
from PIL import Image

from aeroseg.visualization import PanelVisualizer, draw_panel
from aeroseg.vocabulary import Vocabulary


def test_visualizer_saves_the_panel_of_a_data_sample(tmp_path: Path) -> None:
    visualizer = VISUALIZERS.build(
        {
            'type': 'PanelVisualizer',
            'name': 'panels',
            'vis_backends': [{'type': 'LocalVisBackend'}],
            'save_dir': str(tmp_path),
        }
    )
    assert isinstance(visualizer, PanelVisualizer)
    visualizer.dataset_meta = {'classes': ('road', 'tree')}
    image = np.zeros((20, 30, 3), np.uint8)
    truth = torch.zeros(1, 20, 30, dtype=torch.long)
    sample = SegDataSample(
        gt_sem_seg=PixelData(data=truth),
        pred_sem_seg=PixelData(data=1 - truth),
    )
    visualizer.add_datasample('a', image, sample, step=3)
    (saved,) = tmp_path.rglob('*.png')
    labels = {'truth': truth[0].numpy(), 'prediction': 1 - truth[0].numpy()}
    expected = draw_panel(
        image, labels, Vocabulary(('road', 'tree')), title='a'
    )
    assert (np.asarray(Image.open(saved)) == expected).all()

    alone = tmp_path / 'alone.png'
    visualizer.add_datasample('a', image, None, out_file=alone)
    assert np.asarray(Image.open(alone)).shape[1] < expected.shape[1]
