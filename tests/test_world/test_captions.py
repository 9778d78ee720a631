# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.world.captions import caption_scene
from aeroseg.world.classes import CLASSES
from aeroseg.world.scene import make_scene


@pytest.mark.parametrize('window', [2, 4])
def test_a_sentence_names_what_is_in_its_window(window: int) -> None:
    rng = np.random.default_rng(0)
    for index in range(10):
        label = make_scene(index, 4).label
        for caption in caption_scene(label, rng, 8, window):
            assert 0 <= caption.row <= 16 - window
            assert 0 <= caption.column <= 16 - window
            part = label[
                16 * caption.row : 16 * (caption.row + window),
                16 * caption.column : 16 * (caption.column + window),
            ]
            inside = {CLASSES[i] for i in np.unique(part)}
            named = {name for name in CLASSES if name in caption.text}
            assert named
            assert named <= inside


def test_all_names_are_spoken_of_and_sentences_vary() -> None:
    rng = np.random.default_rng(0)
    texts = [
        caption.text
        for index in range(60)
        for caption in caption_scene(make_scene(index, 4).label, rng, 8, 4)
    ]
    assert all(any(name in text for text in texts) for name in CLASSES)
    assert len(set(texts)) > 200
    joined = [t for t in texts if sum(n in t for n in CLASSES) == 2]
    assert 0.2 < len(joined) / len(texts) < 0.5
