# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import torch

from aeroseg.apis import LabelScheme
from aeroseg.vocabulary import Vocabulary


def _scores(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None, None]


def test_without_policy_every_pixel_gets_a_class() -> None:
    scheme = LabelScheme(Vocabulary(('road', 'tree')))
    assert scheme.background is None
    assert scheme.classes.names == ('road', 'tree')
    assert scheme.num_scores == 2
    assert scheme.decide(_scores(0.01, 0.02)).tolist() == [[1]]


def test_threshold_makes_a_background_class() -> None:
    scheme = LabelScheme(Vocabulary(('road', 'tree'), threshold=0.5))
    assert scheme.classes.names == ('road', 'tree', 'background')
    assert scheme.num_scores == 2
    assert scheme.decide(_scores(0.4, 0.3)).tolist() == [[2]]
    assert scheme.decide(_scores(0.4, 0.6)).tolist() == [[1]]


def test_contrast_words_are_predicted_and_merged() -> None:
    scheme = LabelScheme(Vocabulary(('road', 'tree'), contrast=('sky', 'sea')))
    merged = scheme.merge(_scores(0.4, 0.3, 0.2, 0.6)[None])
    assert scheme.num_scores == 3
    assert merged.flatten().tolist() == torch.tensor([0.4, 0.3, 0.6]).tolist()
    assert scheme.decide(merged[0]).tolist() == [[2]]


def test_a_class_called_background_takes_the_contrast_words() -> None:
    words = Vocabulary(('Background', 'tree'), contrast=('sky',))
    scheme = LabelScheme(words)
    assert scheme.background == 0
    assert scheme.classes.names == ('Background', 'tree')
    raised = scheme.merge(_scores(0.1, 0.3, 0.6)[None])[0]
    assert scheme.decide(raised).tolist() == [[0]]
    kept = scheme.merge(_scores(0.7, 0.3, 0.6)[None])[0]
    assert kept.flatten().tolist() == torch.tensor([0.7, 0.3]).tolist()


def test_background_colour_is_free() -> None:
    words = Vocabulary(
        ('road',), palette=((235, 235, 235),), contrast=('sky',)
    )
    palette = LabelScheme(words).classes.palette
    assert len(set(palette)) == 2


def test_type_grows_with_the_number_of_classes() -> None:
    names = [f'class {i}' for i in range(256)]
    small = LabelScheme(Vocabulary(tuple(names[:255])))
    large = LabelScheme(Vocabulary(tuple(names)))
    assert (small.dtype, small.nodata) == (np.dtype('uint8'), 255)
    assert (large.dtype, large.nodata) == (np.dtype('uint16'), 65535)
    scores = torch.zeros(256, 1, 1)
    scores[255] = 1
    assert large.decide(scores).tolist() == [[255]]
