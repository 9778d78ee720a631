# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Workers as Ray actors on this machine: real processes, really killed."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.region_models import Maker, fail, hang, kill, stop

from aeroseg.mapping.job.output_folder import UnfinishedError
from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.region.ray_engine import RayEngine
from aeroseg.mapping.region.scan_region import ScanByWorkers
from aeroseg.mapping.windows.tiling import Tiling

ray = pytest.importorskip('ray')

# Actors import the models of the tests.
OURS = {'env_vars': {'PYTHONPATH': os.pathsep.join(sys.path)}}
OPTIONS = SceneOptions(Tiling(48, 16, batch=2), scores=True, progress=False)


@pytest.fixture(scope='module')
def cluster() -> Iterator[None]:
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=10**8,
        log_to_driver=False,
        _node_ip_address='127.0.0.1',
        runtime_env=OURS,
    )
    yield
    ray.shutdown()


@pytest.fixture
def scene(write_scene: Callable[..., Path]) -> Path:
    small = np.random.default_rng(0).integers(0, 256, (134, 30, 3), np.uint8)
    return write_scene(np.repeat(np.repeat(small, 3, 0), 3, 1)[:400, :90])


def contents(folder: Path) -> list[bytes]:
    names = ('labels.tif', 'scores.tif', 'classes.csv')
    return [(folder / name).read_bytes() for name in names]


@pytest.mark.parametrize(
    ('happen', 'said'),
    [
        pytest.param(None, '', marks=pytest.mark.slow),
        (kill, 'was lost'),
        pytest.param(stop, 'no sign of life', marks=pytest.mark.slow),
        pytest.param(hang, 'no sign of life', marks=pytest.mark.slow),
        pytest.param(fail, 'out again: 1', marks=pytest.mark.slow),
    ],
)
def test_the_same_bytes_whatever_happens_to_an_actor(
    cluster: None,
    model: Any,
    scheme: LabelScheme,
    scene: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    happen: Callable[[], None] | None,
    said: str,
) -> None:
    predict_scene(model, scene, tmp_path / 'one', scheme, OPTIONS)
    mark = tmp_path / 'mark'
    scan = ScanByWorkers(
        Maker(model, happen, mark), 2, patience=20, make_engine=RayEngine
    )
    predict_scene(model, scene, tmp_path / 'two', scheme, OPTIONS, scan=scan)
    assert contents(tmp_path / 'two') == contents(tmp_path / 'one')
    assert mark.exists() == (happen is not None)
    assert said in caplog.text
    assert ray.is_initialized()  # it was not ours to shut down
    if happen is stop:
        assert not stopped_actors()


@pytest.mark.slow
def test_a_block_that_always_fails_is_named(
    cluster: None,
    model: Any,
    scheme: LabelScheme,
    scene: Path,
    tmp_path: Path,
) -> None:
    scan = ScanByWorkers(Maker(model, fail), 2, make_engine=RayEngine)
    with pytest.raises(UnfinishedError, match='a wire came loose'):
        predict_scene(model, scene, tmp_path / 'o', scheme, OPTIONS, scan=scan)
    assert not (tmp_path / 'o' / 'labels.tif').exists()


@pytest.mark.slow
def test_a_machine_that_is_lost_and_one_that_comes_late(
    model: Any, scheme: LabelScheme, scene: Path, tmp_path: Path
) -> None:
    from data.region_models import nap
    from ray.cluster_utils import Cluster

    ray.shutdown()
    predict_scene(model, scene, tmp_path / 'one', scheme, OPTIONS)
    machines = Cluster(
        initialize_head=True,
        head_node_args={'num_cpus': 1, 'object_store_memory': 10**8},
    )
    other = machines.add_node(num_cpus=1, object_store_memory=10**8)
    ray.init(address=machines.address, log_to_driver=False, runtime_env=OURS)
    pids = tmp_path / 'pids'
    pids.mkdir()
    events = []

    class Watched(RayEngine):
        """Loses a machine after some blocks, and gets one later."""

        def wait(self, seconds: float) -> Any:
            found = super().wait(seconds)
            done = [e for e in found if e.kind == 'done']
            events.extend(done)
            if len(events) >= 1 and other in machines.worker_nodes:
                machines.remove_node(other, allow_graceful=False)
            if len(events) == 4 and not machines.worker_nodes:
                machines.add_node(num_cpus=1, object_store_memory=10**8)
            return found

    try:
        scan = ScanByWorkers(
            Maker(model, nap, pids=pids), 2, patience=60, make_engine=Watched
        )
        out = tmp_path / 'two'
        predict_scene(model, scene, out, scheme, OPTIONS, scan=scan)
    finally:
        ray.shutdown()
        machines.shutdown()
    assert contents(out) == contents(tmp_path / 'one')
    assert other not in machines.worker_nodes


def stopped_actors() -> list[str]:
    """Processes of actors that are stopped."""
    found = []
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            name, state = stat.read_text().rsplit(')', 1)
        except OSError:
            continue
        if 'ray::RayWor' in name and state.split()[0] == 'T':
            found.append(name)
    return found
