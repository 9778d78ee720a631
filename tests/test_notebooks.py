# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The code of the notebooks, cell by cell, with a model of random weights."""

import json
import re
import shlex
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from tool_process import run_tool

import aeroseg.models  # noqa: F401
from aeroseg.read_config import read_config

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(path.name for path in (ROOT / 'notebooks').glob('*.ipynb'))


def _code(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding='utf-8'))['cells']
    return [
        ''.join(cell['source'])
        for cell in cells
        if cell['cell_type'] == 'code'
    ]


def _run(notebook: Path, **changes: object) -> dict:
    """Run the cells in order, in this process.

    Args:
        notebook (Path): The notebook.
        **changes (object): Variables of the first cell to set otherwise.

    Returns:
        dict: What the cells have defined, and `said`, what the commands
        printed.
    """
    said: list[str] = []

    def shell(words: str) -> None:
        program, *arguments = shlex.split(words)
        assert program == 'aeroseg'
        done = run_tool(
            'projects/aeroseg/__main__.py', *arguments, folder=Path.cwd()
        )
        assert done.status == 0, done.out + done.err
        said.append(done.out)

    space: dict = {'shell': shell}
    for number, code in enumerate(_code(notebook)):
        # As Jupyter reads it: words of a command may be variables in braces.
        code = re.sub(r'(?m)^!(.*)$', r"shell(f'\1')", code)
        exec(code, space)
        if number == 0:
            assert changes.keys() <= space.keys()
            space.update(changes)
    return {**space, 'said': ''.join(said)}


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
    space = _run(root / 'notebooks' / 'predict.ipynb')
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


@pytest.fixture
def checkout(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A checkout, and the model of the demo before its training in it."""
    (tmp_path / 'configs').symlink_to(root / 'configs')
    config = read_config(root / 'configs' / 'demo' / 'aeroseg_world.py')
    model = MODELS.build(config.model)
    model.init_weights()
    run = tmp_path / 'work_dirs' / 'demo' / 'aeroseg_world' / 'seed_0'
    run.mkdir(parents=True)
    torch.save({'state_dict': model.state_dict()}, run / 'iter_0.pth')
    (tmp_path / 'notebooks').mkdir()
    monkeypatch.chdir(tmp_path / 'notebooks')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path


@pytest.mark.slow
def test_a_folder_is_trained_on(root: Path, checkout: Path) -> None:
    space = _run(root / 'notebooks' / 'train_your_own_folder.ipynb', steps=4)
    assert 'contact sheet: ' in space['said']
    assert 'h-mIoU' in space['said']
    assert (checkout / 'work_dirs/notebook/my-model/README.md').is_file()


@pytest.mark.slow
def test_models_are_compared(root: Path, checkout: Path) -> None:
    space = _run(root / 'notebooks' / 'compare_models.ipynb', images=4)
    assert 'second - first, 4 images' in space['said']
    assert Path(space['picture']).is_file()


@pytest.mark.parametrize('name', NOTEBOOKS)
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
            text = json.dumps({**output, 'data': {}})
            assert not re.search(r'(?<![\w.])/(home|root|work|tmp)/', text)
