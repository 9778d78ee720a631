# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The code of the notebooks, cell by cell, with a model of random weights."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

import aeroseg.models  # noqa: F401


def _code(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding='utf-8'))['cells']
    return [
        ''.join(cell['source'])
        for cell in cells
        if cell['cell_type'] == 'code'
    ]


@pytest.fixture
def folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A checkout in which `make demo` has left a run."""
    name = 'aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
    config = Config.fromfile(root / 'configs' / 'aeroseg' / name)
    run = tmp_path / 'work_dirs' / 'demo' / 'aeroseg_world' / 'seed_0'
    run.mkdir(parents=True)
    config.dump(run / 'aeroseg_world.py')
    weights = {'state_dict': MODELS.build(config.model).state_dict()}
    torch.save(weights, run / 'iter_400.pth')
    (tmp_path / 'notebooks').mkdir()
    monkeypatch.chdir(tmp_path / 'notebooks')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path


def test_the_cells_run_in_order(
    root: Path, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    space: dict = {}
    for code in _code(root / 'notebooks' / 'predict.ipynb'):
        exec(code, space)
    said = capsys.readouterr().out
    assert 'ha  red roof' in said
    assert 'What the model is asked:' in said
    result = folder / 'work_dirs' / 'notebook' / 'result'
    assert (result / 'polygons.gpkg').is_file()
    assert space['result'].labels.shape == space['image'].shape[:2]


def test_without_a_run_the_reader_is_told(
    root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / 'empty' / 'notebooks').mkdir(parents=True)
    monkeypatch.chdir(folder / 'empty' / 'notebooks')
    first = _code(root / 'notebooks' / 'predict.ipynb')[0]
    with pytest.raises(FileNotFoundError, match='make demo'):
        exec(first, {})


@pytest.mark.parametrize('name', ['predict.ipynb'])
def test_no_output_names_a_machine(root: Path, name: str) -> None:
    text = (root / 'notebooks' / name).read_text(encoding='utf-8')
    for cell in json.loads(text)['cells']:
        for output in cell.get('outputs', []):
            assert output['output_type'] in (
                'display_data',
                'execute_result',
                'stream',
            )
            assert output.get('name') != 'stderr'
            assert str(Path.home()) not in json.dumps(output)
