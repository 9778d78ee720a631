# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Writes that the system refuses, as on a full disk, in a real process."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tool_process import run_tool

pytest.importorskip('resource', reason='the system has no limit of file size')

# The limit on the size of a file lets everything up to some step pass: rows,
# labels.tif, its overviews, scores.tif, or all but the end of the polygons.
# GDAL and Python fail in ways of their own.
SCRIPT = """
import resource, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from aeroseg.apis import LabelScheme, Tiling
from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.vocabulary import Vocabulary

scene, folder, polygons = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
scheme = LabelScheme(Vocabulary(('building', 'road', 'tree')))
kind = {'scores': True} if polygons == 'none' else {'polygons': polygons}
options = SceneOptions(Tiling(64, 16), simplify=0, progress=False, **kind)


class Model:
    def predict_scores(self, images):
        return (images / 32).softmax(dim=1)


def run(out, limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, -1))
    predict_scene(Model(), scene, out, scheme, options)


whole = folder / 'whole'
run(whole, -1)
names = sorted(path.name for path in whole.iterdir())
limits = 20_000, 200_000, 600_000, 1_000_000
if polygons != 'none':
    size = (whole / f'polygons.{polygons}').stat().st_size
    assert size > 400_000, size
    limits = (size - 20_000,)
for limit in limits:
    out = folder / str(limit)
    try:
        run(out, limit)
    except ValueError as error:
        assert f'cannot write to {out}: ' in str(error), error
        assert 'then run again' in str(error), error
        print(limit, error)
    else:
        raise AssertionError(f'{limit} bytes were enough')
    found = {path.name for path in out.iterdir()}
    assert '.aeroseg' in found and 'report.json' not in found, found
    for name in found - {'.aeroseg'}:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    run(out, -1)
    assert sorted(path.name for path in out.iterdir()) == names
    for name in set(names) - {'report.json', 'polygons.gpkg'}:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
print('limits met')
"""


@pytest.mark.parametrize('polygons', ['none', 'geojson', 'gpkg'])
def test_a_full_disk_is_an_error_that_leaves_whole_files(
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
    polygons: str,
) -> None:
    scene = write_scene(np.tile(pixels, (4, 1, 1)))
    script = tmp_path / 'script.py'
    script.write_text(SCRIPT)
    done = run_tool(script, scene, tmp_path, polygons, folder=tmp_path)
    assert done.status == 0, done.out + done.err[-2000:]
    assert 'limits met' in done.out
