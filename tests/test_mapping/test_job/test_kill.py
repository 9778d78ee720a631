# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A run that is killed at any moment, with SIGKILL, in a real process."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tool_process import run_tool

# Kills itself at the N-th rename of a file, before or after it; renames are
# what makes a file appear under its name. One process forks a child per N.
SCRIPT = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from aeroseg.apis import LabelScheme, Tiling
from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.vocabulary import Vocabulary

scene, folder = Path(sys.argv[1]), Path(sys.argv[2])
scheme = LabelScheme(Vocabulary(('building', 'road', 'tree')))
options = SceneOptions(
    Tiling(64, 16), scores=True, polygons='geojson', progress=False
)
NAMES = ('labels.tif', 'labels.qml', 'classes.csv', 'preview.png',
         'scores.tif', 'polygons.geojson')


class Model:
    def predict_scores(self, images):
        smooth = torch.nn.functional.avg_pool2d(images, 5, 1, 2)
        return (smooth / 32).softmax(dim=1)


def run(out):
    predict_scene(Model(), scene, out, scheme, options)


def kill_at(number, after):
    rename, count = Path.replace, 0

    def replace(self, target):
        nonlocal count
        count += 1
        if count == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(self, target)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    Path.replace = replace


def in_child(out, number=None):
    # Every run has a process of its own: threads of GDAL do not outlive fork.
    pid = os.fork()
    if pid == 0:
        if number is not None:
            kill_at(number, after=number % 2)
        run(out)
        os._exit(7)
    status = os.waitpid(pid, 0)[1]
    finished = os.WIFEXITED(status)
    assert not finished or os.WEXITSTATUS(status) == 7, status
    return finished


whole = folder / 'whole'
assert in_child(whole)
number = 1
while not in_child(folder / f'out{number}', number):
    out = folder / f'out{number}'
    for name in NAMES:
        if (out / name).exists():
            assert (out / name).read_bytes() == (whole / name).read_bytes()
    assert in_child(out)
    for name in NAMES:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    found = sorted(path.name for path in out.iterdir())
    assert found == sorted((*NAMES, 'report.json')), found
    number += 1
print('kills survived:', number - 1)
"""


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='kills a forked process')
def test_killed_runs_leave_nothing_half_and_end_with_the_same_bytes(
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> None:
    scene = write_scene(np.tile(pixels, (2, 1, 1)))
    script = tmp_path / 'script.py'
    script.write_text(SCRIPT)
    done = run_tool(script, scene, tmp_path, folder=tmp_path)
    assert done.status == 0, done.err[-2000:]
    # The mark of the job, six strips; seven results are written, then
    # put in their places.
    assert 'kills survived: 21' in done.out
