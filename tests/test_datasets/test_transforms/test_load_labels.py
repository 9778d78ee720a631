# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aeroseg.datasets.transforms import LoadLabels


def results(
    folder: Path, image: Image.Image, label: Image.Image, **kwargs: Any
) -> dict[str, Any]:
    image.save(folder / 'image.png')
    label.save(folder / 'label.png')
    loaded = np.asarray(image.convert('RGB'))
    return {
        'img_path': str(folder / 'image.png'),
        'seg_map_path': str(folder / 'label.png'),
        'img': loaded,
        'ori_shape': loaded.shape[:2],
        'num_ids': 3,
        'label_map': None,
        'reduce_zero_label': False,
        'seg_fields': [],
    } | kwargs


@pytest.fixture
def image() -> Image.Image:
    return Image.fromarray(np.zeros((4, 6, 3), np.uint8))


def grey(*values: int, size: tuple[int, int] = (6, 4)) -> Image.Image:
    label = np.zeros(size[::-1], np.uint8)
    label.flat[: len(values)] = values
    return Image.fromarray(label)


def test_ids_pass_and_the_field_is_listed(
    tmp_path: Path, image: Image.Image
) -> None:
    out = LoadLabels()(results(tmp_path, image, grey(0, 1, 2, 255)))
    assert out['gt_seg_map'].flat[:4].tolist() == [0, 1, 2, 255]
    assert out['gt_seg_map'].dtype == np.uint8
    assert out['seg_fields'] == ['gt_seg_map']


def test_zero_label_and_label_map_together(
    tmp_path: Path, image: Image.Image
) -> None:
    given = results(
        tmp_path,
        image,
        grey(0, 1, 2, 3, 255),
        reduce_zero_label=True,
        label_map={0: 255, 1: 0, 2: 1},
    )
    found = LoadLabels()(given)['gt_seg_map'].flat[:5]
    assert found.tolist() == [255, 255, 0, 1, 255]


def test_one_transform_serves_two_datasets(
    tmp_path: Path, image: Image.Image
) -> None:
    load = LoadLabels()
    load(results(tmp_path, image, grey(2)))
    given = results(tmp_path, image, grey(2), label_map={0: 1, 1: 2, 2: 0})
    assert load(given)['gt_seg_map'].flat[0] == 0


def test_a_mask_of_colours(tmp_path: Path, image: Image.Image) -> None:
    mask = np.zeros((4, 6, 3), np.uint8)
    mask[0, 0] = (60, 16, 152)
    colours = {(60, 16, 152): 1, (0, 0, 0): 255}
    given = results(
        tmp_path,
        image,
        Image.fromarray(mask),
        colours=colours,
        label_map={0: 255, 1: 0, 2: 255},
    )
    assert LoadLabels()(given)['gt_seg_map'].flat[:2].tolist() == [0, 255]


def test_without_a_label_nothing_happens() -> None:
    assert LoadLabels()({'img': 1}) == {'img': 1}


def test_an_unknown_id(tmp_path: Path, image: Image.Image) -> None:
    with pytest.raises(ValueError, match=r'label\.png holds the id 3'):
        LoadLabels()(results(tmp_path, image, grey(0, 3)))


def test_another_size(tmp_path: Path, image: Image.Image) -> None:
    with pytest.raises(ValueError, match=r'is 4x4 px, its image .* is 6x4 px'):
        LoadLabels()(results(tmp_path, image, grey(0, size=(4, 4))))


@pytest.mark.parametrize('mode', ['L', 'RGBA', 'P'])
def test_a_file_that_is_not_rgb(
    tmp_path: Path, image: Image.Image, mode: str
) -> None:
    given = results(tmp_path, image.convert(mode), grey(0))
    with pytest.raises(ValueError, match=f'not RGB but {mode}'):
        LoadLabels()(given)


def test_an_array_that_is_not_rgb(tmp_path: Path, image: Image.Image) -> None:
    given = results(tmp_path, image, grey(0), img=np.zeros((4, 6, 4)))
    with pytest.raises(ValueError, match=r'array of shape \(4, 6, 4\)'):
        LoadLabels()(given)


def test_a_real_four_band_image(
    tmp_path: Path, shared_dir: Path, image: Image.Image
) -> None:
    path = shared_dir / 'data/scenes/naip_4band.tif'
    given = results(tmp_path, image, grey(0), img_path=str(path))
    with pytest.raises(ValueError, match='not RGB'):
        LoadLabels()(given)
