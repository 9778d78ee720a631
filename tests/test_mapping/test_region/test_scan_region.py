# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Several workers: the same bytes, whatever happens to them."""

import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from data.range_server import serve
from data.region_models import (
    Maker,
    fail,
    kill,
    no_model,
    start_engine,
    stop,
)
from tool_process import ToolRun

from aeroseg.mapping.job.output_folder import UnfinishedError
from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.image_source import ArraySource
from aeroseg.mapping.region.predict_share import predict_share
from aeroseg.mapping.region.scan_region import ScanByWorkers, refuse_missing
from aeroseg.mapping.windows.map_rows import map_rows
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.windows.tiling import Tiling
from aeroseg.window_starts import starts_by_overlap

OPTIONS = SceneOptions(
    Tiling(48, 16, batch=2),
    scores=True,
    polygons='geojson',
    progress=False,
)


@pytest.fixture
def tall() -> np.ndarray:
    """An image (400, 90, 3), so that there are many strips."""
    small = np.random.default_rng(0).integers(0, 256, (134, 30, 3), np.uint8)
    return np.repeat(np.repeat(small, 3, axis=0), 3, axis=1)[:400, :90]


def contents(folder: Path) -> dict[str, bytes]:
    """The results; the report and preview hold nothing that may differ."""
    names = ('labels.tif', 'scores.tif', 'classes.csv', 'polygons.geojson')
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture
def expected(
    model: Any,
    scheme: LabelScheme,
    tall: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> tuple[Path, dict[str, bytes]]:
    """A scene and the bytes of an undisturbed run in one process."""
    path = write_scene(tall)
    predict_scene(model, path, tmp_path / 'expected', scheme, OPTIONS)
    return path, contents(tmp_path / 'expected')


@pytest.mark.parametrize('workers', [1, 2, 3])
def test_any_number_of_workers_gives_the_same_bytes(
    model: Any,
    scheme: LabelScheme,
    expected: tuple[Path, dict[str, bytes]],
    tmp_path: Path,
    workers: int,
) -> None:
    path, found = expected
    scan = ScanByWorkers(Maker(model), workers, make_engine=start_engine)
    out = tmp_path / 'out'
    predict_scene(model, path, out, scheme, OPTIONS, scan=scan)
    assert contents(out) == found
    assert not (out / '.aeroseg').exists()


def test_workers_read_a_remote_scene(
    model: Any,
    scheme: LabelScheme,
    expected: tuple[Path, dict[str, bytes]],
    tmp_path: Path,
) -> None:
    path, found = expected
    scan = ScanByWorkers(Maker(model), 2, make_engine=start_engine)
    out = tmp_path / 'out'
    with serve(path.parent) as server:
        url = f'{server.url}/{path.name}?sig=abc'
        predict_scene(model, url, out, scheme, OPTIONS, scan=scan)
    assert contents(out) == found


def test_a_resampled_scene_gives_the_same_bytes(
    model: Any,
    scheme: LabelScheme,
    tall: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> None:
    path = write_scene(tall)
    options = SceneOptions(Tiling(48, 16), gsd=0.33, progress=False)
    scan = ScanByWorkers(Maker(model), 2, make_engine=start_engine)
    predict_scene(model, path, tmp_path / 'a', scheme, options)
    predict_scene(model, path, tmp_path / 'b', scheme, options, scan=scan)
    one, two = (tmp_path / name / 'labels.tif' for name in 'ab')
    assert one.read_bytes() == two.read_bytes()


def test_a_wide_scene_is_mapped_in_lanes(
    model: Any,
    scheme: LabelScheme,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> None:
    small = np.random.default_rng(0).integers(0, 256, (20, 600, 3), np.uint8)
    image = np.repeat(np.repeat(small, 3, axis=0), 3, axis=1)
    path = write_scene(image)
    options = replace(OPTIONS, tiling=Tiling(16, 4))  # 150 windows in a row
    predict_scene(model, path, tmp_path / 'a', scheme, options)
    scan = ScanByWorkers(Maker(model), 2, make_engine=start_engine)
    predict_scene(model, path, tmp_path / 'b', scheme, options, scan=scan)
    for share in (3, 1, 2):
        out = tmp_path / 'c'
        predict_share(model, path, out, scheme, share, 3, options)
    kept = {path.name[:19] for path in out.glob('.aeroseg/0*.npz')}
    assert kept == {'000000000-000001024', '000001024-000001800'}
    predict_scene(model, path, out, scheme, options, scan=refuse_missing)
    found = contents(tmp_path / 'a')
    assert contents(tmp_path / 'b') == contents(tmp_path / 'c') == found
    with rasterio.open(tmp_path / 'a' / 'labels.tif') as data:
        labels = data.read(1)
    # Last digits may differ from those of all columns at once.
    once = Scan(model, ArraySource(image), options.tiling, 3)
    whole = np.concatenate([ids for _, ids, _ in map_rows(once, scheme)])
    assert (labels == whole).mean() > 0.999


@pytest.mark.parametrize(
    ('happen', 'said'),
    [
        (kill, 'ended by SIGKILL'),
        (stop, 'no sign of life'),
        (fail, 'blocks handed out again: 1'),
    ],
)
def test_a_worker_in_trouble_is_replaced(
    model: Any,
    scheme: LabelScheme,
    expected: tuple[Path, dict[str, bytes]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    happen: Callable[[], None],
    said: str,
) -> None:
    path, found = expected
    mark = tmp_path / 'mark'
    scan = ScanByWorkers(
        Maker(model, happen, mark),
        2,
        patience=3,
        make_engine=start_engine,
    )
    out = tmp_path / 'out'
    predict_scene(model, path, out, scheme, OPTIONS, scan=scan)
    assert mark.exists()
    assert contents(out) == found
    assert said in caplog.text
    assert 'given up: 0' in caplog.text


@pytest.mark.parametrize('happen', [kill, fail])
def test_a_poisoned_block_is_named_and_the_others_are_kept(
    model: Any,
    scheme: LabelScheme,
    expected: tuple[Path, dict[str, bytes]],
    tmp_path: Path,
    tall: np.ndarray,
    happen: Callable[[], None],
) -> None:
    path, found = expected
    # A pixel that only the last window's batch has at its (20, 20).
    top = starts_by_overlap(400, 48, 16)[-1]
    red = float(tall[top + 20, 20, 0])
    others = [tall[t + 20, 20, 0] for t in starts_by_overlap(400, 48, 16)]
    assert others.count(red) == 1
    scan = ScanByWorkers(
        Maker(model, happen, poison=red),
        2,
        make_engine=start_engine,
    )
    out = tmp_path / 'out'
    with pytest.raises(UnfinishedError, match=r'1 blocks of .* could not be'):
        predict_scene(model, path, out, scheme, OPTIONS, scan=scan)
    assert not (out / 'labels.tif').exists()
    assert not (out / 'report.json').exists()
    # Given again, only what is missing is predicted: here in one process.
    before = model.calls
    predict_scene(model, path, out, scheme, OPTIONS)
    assert model.calls - before < 12
    assert contents(out) == found


def test_workers_that_never_get_anywhere_are_given_up(
    model: Any,
    scheme: LabelScheme,
    expected: tuple[Path, dict[str, bytes]],
    tmp_path: Path,
) -> None:
    scan = ScanByWorkers(no_model, 2, make_engine=start_engine)
    with pytest.raises(UnfinishedError, match='no such checkpoint'):
        predict_scene(
            model, expected[0], tmp_path / 'out', scheme, OPTIONS, scan=scan
        )


DRIVER = """
import pickle, sys
from pathlib import Path
from data.region_models import Maker, nap, start_engine
from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.region.scan_region import ScanByWorkers

if __name__ == '__main__':
    model, path, out, pids, scheme, options = pickle.loads(
        Path(sys.argv[1]).read_bytes()
    )
    maker = Maker(model, nap, pids=pids)
    scan = ScanByWorkers(maker, 2, make_engine=start_engine)
    predict_scene(model, path, out, scheme, options, scan=scan)
"""


@pytest.mark.slow  # a server of its own imports everything
def test_the_driver_is_killed_and_its_workers_end(
    model: Any,
    scheme: LabelScheme,
    expected: tuple[Path, dict[str, bytes]],
    tmp_path: Path,
) -> None:
    path, found = expected
    out, pids = tmp_path / 'out', tmp_path / 'pids'
    pids.mkdir()
    script, given = tmp_path / 'driver.py', tmp_path / 'given'
    script.write_text(DRIVER)
    given.write_bytes(pickle.dumps((model, path, out, pids, scheme, OPTIONS)))
    driver = ToolRun(str(script), [str(given)], tmp_path)
    try:
        while not list(out.glob('.aeroseg/0*.npz')):
            assert driver.process.is_alive(), driver.wait(1)
            time.sleep(0.02)
    finally:
        driver.process.kill()
    driver.wait(20)
    until = time.monotonic() + 20
    while any(running(int(p.name)) for p in pids.iterdir()):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert len(list(pids.iterdir())) == 2
    assert list(out.glob('.aeroseg/0*.npz'))
    scan = ScanByWorkers(Maker(model), 2, make_engine=start_engine)
    predict_scene(model, path, out, scheme, OPTIONS, scan=scan)
    assert contents(out) == found


def running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    stat = Path(f'/proc/{pid}/stat')
    try:
        return stat.read_text().rpartition(')')[2].split()[0] not in 'ZX'
    except OSError:
        return False
