# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.world import LoadWorldScene, make_scene


def _load(turn: int, label_map: dict[int, int] | None = None) -> dict:
    results = {
        'scene': (3, 5, 64),
        'img_path': 'world',
        'label_map': label_map,
        'seg_fields': [],
    }
    return LoadWorldScene(turn).transform(results)


def test_picture_and_label_turn_together() -> None:
    scene = make_scene(3, 5, 64)
    for turn in (0, 90, -90, 180):
        results = _load(turn)
        image = np.rot90(scene.image[..., ::-1], turn // 90)
        np.testing.assert_array_equal(results['img'], image)
        label = np.rot90(scene.label, turn // 90)
        np.testing.assert_array_equal(results['gt_seg_map'], label)
        assert results['seg_fields'] == ['gt_seg_map']
        assert results['img_shape'] == results['ori_shape'] == (64, 64)


def test_ids_are_mapped() -> None:
    plain = _load(0)['gt_seg_map']
    mapped = _load(0, {i: 255 if i == 0 else i - 1 for i in range(18)})
    expected = np.where(plain == 0, 255, plain - 1)
    np.testing.assert_array_equal(mapped['gt_seg_map'], expected)


def test_only_quarter_turns_are_taken() -> None:
    with pytest.raises(ValueError, match='multiples of 90'):
        LoadWorldScene(45)
