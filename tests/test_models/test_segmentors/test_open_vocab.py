# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The base of all systems, by a system of one layer."""

import pytest
import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from aeroseg.engine import VocabularyHook
from aeroseg.models import OpenVocabSegmentor
from aeroseg.vocabulary import Vocabulary


class OneLayer(OpenVocabSegmentor):
    """The logit of class i is the brightness times i + 1, minus 1."""

    stride = 8

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.scale = nn.Parameter(torch.ones(1))

    def decode_maps(self, images: Tensor) -> Tensor:
        assert images.shape[2] % 8 == images.shape[3] % 8 == 0
        bright = images.mean(dim=1, keepdim=True)[..., ::4, ::4] / 255
        steps = torch.arange(1, self.out_channels + 1)[:, None, None]
        return bright * steps * self.scale - 1


@pytest.fixture
def system() -> OneLayer:
    return OneLayer(vocabulary={'names': ('road', 'tree', 'water')}).eval()


@pytest.mark.parametrize('size', [(16, 16), (13, 30), (1, 1)])
def test_any_size_is_padded_and_cut(
    system: OneLayer, size: tuple[int, int]
) -> None:
    logits = system.class_logits(torch.full((2, 3, *size), 255.0))
    assert logits.shape == (2, 3, *size)


def test_labels_have_the_original_size(system: OneLayer) -> None:
    sample = SegDataSample(metainfo={'ori_shape': (40, 20)})
    images = torch.full((1, 3, 16, 8), 255.0)
    (result,) = system.predict(images, [sample])
    assert result.pred_sem_seg.data.shape == (1, 40, 20)
    assert result.pred_sem_seg.data.dtype == torch.int64
    assert set(result.pred_sem_seg.data.unique().tolist()) == {2}


def test_background_words_and_threshold_become_255(system: OneLayer) -> None:
    white, black = torch.full((1, 3, 8, 8), 255.0), torch.zeros(1, 3, 8, 8)
    system.set_vocabulary(Vocabulary(('road', 'tree'), contrast=('sky',)))
    assert system.predict(white)[0].pred_sem_seg.data.unique() == 255
    system.set_vocabulary(Vocabulary(('road', 'tree'), threshold=0.5))
    assert system.predict(white)[0].pred_sem_seg.data.unique() == 1
    assert system.predict(black)[0].pred_sem_seg.data.unique() == 255


def test_labels_without_logits_are_the_same(system: OneLayer) -> None:
    images = 255 * torch.rand(1, 3, 24, 24)
    kept = system.predict(images)[0]
    system.test_cfg['keep_logits'] = False
    system.class_chunk = 2
    alone = system.predict(images)[0]
    assert 'seg_logits' in kept
    assert 'seg_logits' not in alone
    assert torch.equal(kept.pred_sem_seg.data, alone.pred_sem_seg.data)


def test_another_system_s_weights_are_refused(system: OneLayer) -> None:
    with pytest.raises(ValueError, match='the checkpoint'):
        system.load_state_dict({'other': torch.ones(1)}, strict=False)


def test_the_hook_gives_it_its_vocabulary(system: OneLayer) -> None:
    class Part:
        def __init__(self, **values: object) -> None:
            self.__dict__.update(values)

    classes = {'classes': ('ship', 'harbor')}
    data = Part(dataset=Part(metainfo=classes))
    log = Part(info=lambda text: None)
    runner = Part(model=system, test_dataloader=data, logger=log)
    VocabularyHook().before_test(runner)
    assert system.vocabulary.names == ('ship', 'harbor')
