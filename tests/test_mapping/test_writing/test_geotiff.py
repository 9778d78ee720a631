# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio

from aeroseg.apis import LabelScheme
from aeroseg.mapping.block import Block
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.writing.geotiff import (
    label_draft,
    regroup,
    score_draft,
    write_cog,
)
from aeroseg.vocabulary import Vocabulary

Write = Callable[..., Path]


def _pieces(rows: np.ndarray, step: int = 100) -> Iterator:
    for top in range(0, rows.shape[-2], step):
        part = rows[..., top : top + step, :]
        yield Block(0, part.shape[-1], top, top + part.shape[-2]), part


@pytest.fixture
def source(write_scene: Write) -> RasterSource:
    return RasterSource(write_scene(np.zeros((1100, 700, 3), np.uint8)))


def _assert_cog(path: Path) -> None:
    """The header GDAL writes for a COG, tiles, and overviews."""
    assert b'LAYOUT=IFDS_BEFORE_DATA' in path.read_bytes()[:400]
    with rasterio.open(path) as data:
        assert data.tags(ns='IMAGE_STRUCTURE')['LAYOUT'] == 'COG'
        assert data.block_shapes[0] == (512, 512)
        assert data.overviews(1) == [2, 4]
        assert data.compression.name == 'deflate'


def test_labels_keep_place_names_and_colours(
    source: RasterSource,
    write_labels: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    labels = np.random.default_rng(0).integers(0, 3, (1100, 700), np.uint8)
    labels[:50] = 255
    path = write_labels(labels, source, scheme)
    _assert_cog(path)
    with rasterio.open(path) as data:
        assert (data.read(1) == labels).all()
        assert data.crs == source.data.crs
        assert data.transform == source.data.transform
        assert data.nodata == 255
        assert (data.dataset_mask()[:50] == 0).all()
        assert data.tags(1)['CLASS_1'] == 'road'
        colours = data.colormap(1)
        assert colours[2][:3] == scheme.classes.palette[2]
    assert list(tmp_path.glob('*.tif')) == [source.path]


def test_many_classes_widen_the_type(
    source: RasterSource, write_labels: Write
) -> None:
    names = tuple(f'class {i}' for i in range(300))
    scheme = LabelScheme(Vocabulary(names))
    labels = np.arange(1100 * 700).reshape(1100, 700) % 300
    labels = labels.astype(scheme.dtype)
    path = write_labels(labels, source, scheme)
    _assert_cog(path)
    with rasterio.open(path) as data:
        assert data.dtypes == ('uint16',)
        assert data.nodata == 65535
        assert (data.read(1) == labels).all()
        assert data.tags(1)['CLASS_299'] == 'class 299'
        assert data.colormap(1)[299][:3] == scheme.classes.palette[299]


def test_scores_are_scaled_to_one(
    source: RasterSource, scheme: LabelScheme, tmp_path: Path
) -> None:
    scores = np.zeros((3, 1100, 700), np.uint8)
    scores[1] = 127
    scores[:, :9] = 255
    path = tmp_path / 'out' / 'scores.tif'
    with score_draft(_pieces(scores), source, scheme, tmp_path) as draft:
        write_cog(draft, path)
    _assert_cog(path)
    with rasterio.open(path) as data:
        assert data.descriptions == ('building', 'road', 'tree')
        assert (data.read() == scores).all()
        assert data.scales[1] * 127 == 0.5
        assert (data.read_masks(2)[:9] == 0).all()


def test_a_failure_leaves_no_file(
    source: RasterSource, scheme: LabelScheme, tmp_path: Path
) -> None:
    def broken() -> Iterator:
        yield Block(0, 700, 0, 600), np.zeros((600, 700), np.uint8)
        raise RuntimeError

    before = set(tmp_path.iterdir())
    with (
        pytest.raises(RuntimeError),
        label_draft(broken(), source, scheme, tmp_path),
    ):
        pass
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ('shape', 'factors'),
    [
        ((512, 512), []),
        ((513, 3), [2]),
        ((1, 1025), [2, 4]),
        ((2048, 700), [2, 4]),
        ((2049, 700), [2, 4, 8]),
    ],
)
def test_the_last_overview_fits_into_a_tile(
    write_scene: Write,
    write_labels: Write,
    scheme: LabelScheme,
    shape: tuple[int, int],
    factors: list[int],
) -> None:
    source = RasterSource(write_scene(np.zeros((*shape, 3), np.uint8)))
    labels = np.random.default_rng(0).integers(0, 3, shape, np.uint8)
    path = write_labels(labels, source, scheme)
    with rasterio.open(path) as data:
        assert (data.read(1) == labels).all()
    for level, factor in enumerate(factors):
        with rasterio.open(path, overview_level=level) as data:
            assert data.shape == tuple(-(-side // factor) for side in shape)
            if shape[0] % factor == shape[1] % factor == 0:
                assert (data.read(1) == labels[::factor, ::factor]).all()
    if factors:
        assert max(data.shape) <= 512
    with pytest.raises(rasterio.errors.RasterioIOError):
        rasterio.open(path, overview_level=len(factors))


@pytest.mark.parametrize('step', [1, 7, 64, 100, 1000])
def test_rows_are_regrouped_without_loss(step: int) -> None:
    rows = np.arange(333 * 4).reshape(1, 333, 4)
    found = list(regroup(_pieces(rows, step), 64))
    assert [top for _, top, _ in found] == list(range(0, 333, 64))
    joined = np.concatenate([part for _, _, part in found], axis=1)
    assert (joined == rows).all()
