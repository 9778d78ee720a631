# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The command line of the export; tests/test_export/ has the rest."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from faults.materials import TINY, write_model, write_scene, write_tiles
from tool_process import run_tool

from aeroseg.evaluation.result_file import read_result

EXPORT = 'tools/export.py'


@pytest.fixture(scope='module')
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('work')
    write_model(folder / 'model')
    write_tiles(folder / 'tiles')
    write_scene(folder / 'scene.tif')
    return folder


def scores(work: Path, model: str) -> dict:
    """Score a checkpoint or a model folder."""
    done = run_tool(
        'tools/test.py',
        Path(__file__).parents[2] / TINY,
        model,
        *('--work-dir', f'test {model}'.replace('/', ' ')),
        *('--result', 'result.json'),
        *('--cfg-options', 'test_dataloader.dataset.data_root=tiles'),
        folder=work,
    )
    assert done.status == 0, done.err
    return read_result(work / 'result.json')['summary']


def test_a_model_folder_is_tested_like_its_checkpoint(work: Path) -> None:
    done = run_tool('tools/pack.py', 'model/tiny.pth', 'packed', folder=work)
    assert done.status == 0, done.err
    assert scores(work, 'packed') == scores(work, 'model/tiny.pth')


@pytest.mark.slow
def test_an_exported_folder_tests_and_predicts(work: Path) -> None:
    done = run_tool(EXPORT, 'model/tiny.pth', 'onnx', folder=work)
    assert done.status == 0, done.err
    assert 'image.onnx' in done.out
    assert 'use it: ' in done.out
    assert scores(work, 'onnx') == pytest.approx(
        scores(work, 'model/tiny.pth'), abs=0.02
    )
    for model in (('--model', 'onnx'), ('--checkpoint', 'model/tiny.pth')):
        done = run_tool(
            *('tools/predict.py', 'scene.tif', *model, '--scores'),
            *('--classes', 'road; tree', '--out', f'with{model[0]}'),
            folder=work,
        )
        assert done.status == 0, done.err
    maps = []
    for name in ('--model', '--checkpoint'):
        with rasterio.open(work / f'with{name}' / 'scores.tif') as data:
            maps.append(data.read().astype(int))
    assert np.abs(maps[0] - maps[1]).max() <= 1


@pytest.mark.slow
def test_a_file_for_torch_export(work: Path) -> None:
    done = run_tool(EXPORT, 'model/tiny.pth', 'image.pt2', folder=work)
    assert done.status == 0, done.err
    program = torch.export.load(work / 'image.pt2').module()
    logits = program(torch.zeros(1, 3, 64, 64), torch.ones(3, 4, 32))
    assert logits.shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (('model/tiny.pth', 'x.pt2', '--int8'), '--int8 is for ONNX'),
        (('nowhere', 'x'), 'there is no model folder nowhere'),
        (('model/tiny.pth', 'model'), 'exists and is not an empty folder'),
        (('model/tiny.pth', 'x', '--side', '50'), 'multiple of the stride'),
        (('model/tiny.pth', 'x', '--side', '0'), '--side'),
    ],
)
def test_one_sentence(
    work: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    before = sorted(p.name for p in work.iterdir())
    done = run_tool(EXPORT, *arguments, folder=work)
    assert done.status != 0
    assert sentence in done.err
    assert 'Traceback' not in done.err
    assert sorted(p.name for p in work.iterdir()) == before
