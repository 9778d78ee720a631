# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""An object store that refuses, is full, or sees its writer killed."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import tool_process  # noqa: F401  (which says what the server imports)
from data.range_server import RangeServer
from data.store_server import push, serve_store

from aeroseg.mapping.job.object_store import StoredFolder
from aeroseg.mapping.job.output_folder import (
    REPORT,
    ForeignFileError,
    read_report,
)
from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.remote_scene import UnreachableError
from aeroseg.mapping.windows.tiling import Tiling

ADDRESS = 's3://maps/town'
OPTIONS = SceneOptions(Tiling(96, 32), progress=False)
# A fork would stop at locks that GDAL's threads hold.
_CONTEXT = multiprocessing.get_context('forkserver')


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The folder of the results in the store."""
    (tmp_path / 'stores' / 'maps').mkdir(parents=True)
    return tmp_path / 'stores' / 'maps' / 'town'


@pytest.fixture
def predict(
    model: Any,
    scheme: LabelScheme,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> Callable[..., StoredFolder]:
    """Gives results with these options, not copied yet."""
    scene = write_scene(pixels)

    def call(**options: Any) -> StoredFolder:
        out = tmp_path / 'here'
        given = replace(OPTIONS, **options)
        predict_scene(model, scene, out, scheme, given)
        return StoredFolder(out, ADDRESS)

    return call


@contextmanager
def served(there: Path, fault: str) -> Iterator[RangeServer]:
    with (
        serve_store(there.parents[1], fault) as (server, names),
        mock.patch.dict(os.environ, names),
    ):
        yield server


def push_and_be_killed(results: StoredFolder, server: RangeServer) -> None:
    """The store does not answer; then the run is killed."""
    server.faults.value = 1
    names = {k: v for k, v in os.environ.items() if k[:3] in ('AWS', 'GDA')}
    process = _CONTEXT.Process(target=push, args=(results, names), daemon=True)
    process.start()
    end = time.monotonic() + 20
    while server.faults.value:
        assert process.is_alive()
        assert time.monotonic() < end
        time.sleep(0.01)
    process.kill()
    process.join()


def is_complete(there: Path, results: StoredFolder) -> bool:
    """Whether the store holds what is here, and nothing else."""
    here = results.folder
    report = read_report(here / REPORT)
    assert report is not None
    names = {*report['records'], REPORT}
    return {p.name for p in there.iterdir()} == names and all(
        (there / name).read_bytes() == (here / name).read_bytes()
        for name in names
    )


@pytest.mark.parametrize('status', ['403', '404', '507'])
def test_what_a_store_refuses_is_kept_here_and_copied_later(
    there: Path, predict: Callable[..., StoredFolder], status: str
) -> None:
    """No permission, no bucket, no space."""
    with served(there, f'{status} preview.png') as server:
        server.faults.value = -1
        results = predict()
        with pytest.raises(UnreachableError, match=r'preview\.png cannot be'):
            results.push()
        assert not (there / REPORT).exists()
        server.faults.value = 0
        assert (results.folder / REPORT).is_file()
        predict().push()
    assert is_complete(there, results)


def test_a_run_that_is_killed_while_it_copies_is_followed_by_another(
    there: Path, predict: Callable[..., StoredFolder]
) -> None:
    with served(there, '0 preview.png') as server:
        results = predict()
        push_and_be_killed(results, server)
        assert (there / '.aeroseg-upload.json').is_file()
        assert (there / 'labels.tif').is_file()
        assert not (there / REPORT).exists()
        predict().push()
        assert is_complete(there, results)
        # Killed again while other results take the place of these.
        push_and_be_killed(
            predict(crop=(0, 0, 90, 96), overwrite=True), server
        )
        assert not (there / REPORT).exists()
        push_and_be_killed(predict(scores=True, overwrite=True), server)
        predict(scores=True).push()
        assert (there / 'scores.tif').is_file()
        assert is_complete(there, results)
        # What only the former results had is gone.
        predict(overwrite=True).push()
        assert is_complete(there, results)


def test_files_of_others_are_safe_from_a_run_that_was_killed(
    there: Path, predict: Callable[..., StoredFolder]
) -> None:
    with served(there, '0 preview.png') as server:
        push_and_be_killed(predict(), server)
        other = there / 'labels.tif'
        other.write_bytes(b'of somebody else')
        with pytest.raises(ForeignFileError, match=r'holds labels\.tif, and'):
            predict().push()
    assert other.read_bytes() == b'of somebody else'


def test_files_of_others_are_safe_from_results_that_replace_others(
    there: Path, predict: Callable[..., StoredFolder]
) -> None:
    with served(there, ''):
        predict().push()
        other = there / 'scores.tif'
        other.write_bytes(b'of somebody else')
        with pytest.raises(ForeignFileError, match=r'holds scores\.tif, and'):
            predict(scores=True, overwrite=True).push()
    assert other.read_bytes() == b'of somebody else'


def test_a_report_that_cannot_be_removed_stays_true(
    there: Path, predict: Callable[..., StoredFolder]
) -> None:
    """Else it would name files that are replaced one by one."""
    with served(there, '403 report.json') as server:
        predict().push()
        before = (there / 'labels.tif').read_bytes()
        server.faults.value = -1
        results = predict(crop=(0, 0, 90, 96), overwrite=True)
        with pytest.raises(UnreachableError, match='cannot be removed'):
            results.push()
        assert (there / 'labels.tif').read_bytes() == before
        server.faults.value = 0
        results.push()
    assert is_complete(there, results)
