# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""tools/visualize.py draws label maps, correlation and features."""

import runpy
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Files = dict[str, Path]
Tool = Callable[..., tuple[int, str]]


def call(
    root: Path,
    *arguments: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> tuple[int, str]:
    """Run the tool in this process: exit status, stdout and stderr."""
    words = ['visualize.py', *map(str, arguments), '--device', 'cpu']
    monkeypatch.setattr(sys, 'argv', words)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(root / 'tools/visualize.py'), run_name='__main__')
    return int(stop.value.code or 0), ''.join(capsys.readouterr())


@pytest.fixture
def tool(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> Tool:
    monkeypatch.chdir(tmp_path)
    return partial(call, root, monkeypatch=monkeypatch, capsys=capsys)


@pytest.fixture
def image(tmp_path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels[:64, :64]).save(tmp_path / 'tile.png')
    return tmp_path / 'tile.png'


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    ids = np.zeros((64, 64), np.uint8)
    ids[:, 30:] = 1
    ids[:9] = 255
    Image.fromarray(ids).save(tmp_path / 'label.png')
    return tmp_path / 'label.png'


@pytest.fixture
def free(root: Path) -> Path:
    return root / 'configs/demo/training_free/maskclip_world.py'


def test_models_of_two_families_next_to_each_other(
    tool: Tool, tiny_files: Files, free: Path, image: Path, truth: Path
) -> None:
    models = [*tiny_files.values(), free, '-']
    words = ['--classes', 'road; tree', '--out', 'out']
    status, said = tool(*models, image, *words, '--truth', truth)
    assert status == 0
    assert 'out/tile_comparison.png\n' in said
    both = Image.open('out/tile_comparison.png')
    assert both.height > 2 * 256
    assert tool(*models[2:], image, *words)[0] == 0
    one = Image.open('out/tile_comparison.png')
    assert one.height < 2 * 256
    # One picture less, and the wider title of another legend column.
    assert 200 < both.width - one.width < 300


def test_without_classes_those_of_the_test_dataset_are_asked_for(
    tool: Tool, free: Path, image: Path, truth: Path
) -> None:
    ids = np.asarray(Image.open(truth)).copy()
    ids[20:, :9] = 18  # the last of the world's classes, unseen in training
    Image.fromarray(ids).save(truth)
    words = ['--out', 'out', '--truth', truth]
    assert tool(free, '-', image, *words)[0] == 0


def test_correlation_and_features(
    tool: Tool, tiny_files: Files, image: Path
) -> None:
    model = [*tiny_files.values(), image, '--out', 'out']
    words = ['--classes', 'red roof; tree']
    assert tool(*model, *words, '--correlation', 'red roof')[0] == 0
    assert tool(*model, '--features')[0] == 0
    heat = np.asarray(Image.open('out/tile_red_roof.png'))
    features = np.asarray(Image.open('out/tile_features.png'))
    assert heat.shape[1] == features.shape[1] == 3 * 256 + 4 * 8
    assert heat.shape[0] == features.shape[0] + 36
    before, after = heat[40:290, 272:528], heat[40:290, 536:792]
    assert before.std() > 5
    assert after.std() > 5
    assert (before != after).any()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['C', 'W', 'X', 'I'], '3 files stand before the image'),
        (['I'], '0 files stand before the image'),
        (['C', '-', 'I'], 'needs training: give its checkpoint'),
        (['C', 'W', 'I', '--correlation', 'ship'], "'ship' is none of the"),
        (['F', '-', 'I', '--correlation', 'road'], 'has no correlation'),
        (['F', '-', 'I', '--features'], 'has no correlation'),
        (['F', '-', 'I', '--truth', 'T', '--features'], '--truth goes with'),
        (['F', '-', 'I', '--names', 'a; b'], "1 models have the titles ['a'"),
        (['F', '-', 'F', '-', 'I', '--names', 'a; a'], 'different ones'),
        (['F', '-', 'no.png'], 'no.png'),
        (['F', '-', 'I', '--truth', 'B'], 'holds the ids 0 to 7, and there'),
        (['F', '-', 'I', '--truth', 'S'], 'give the label of this image'),
    ],
)
def test_bad_input_is_one_sentence(
    tool: Tool,
    tiny_files: Files,
    free: Path,
    image: Path,
    truth: Path,
    arguments: list[str],
    message: str,
) -> None:
    ids = np.asarray(Image.open(truth)).copy()
    Image.fromarray(ids[:50]).save('short.png')
    ids[30, 3] = 7
    Image.fromarray(ids).save('bad.png')
    names = {'C': tiny_files['config'], 'W': tiny_files['checkpoint']}
    names |= {'F': free, 'I': image, 'T': truth, 'X': image}
    names |= {'B': Path('bad.png'), 'S': Path('short.png')}
    words = [names.get(word, word) for word in arguments]
    status, said = tool(*words, '--classes', 'road; tree', '--out', 'out')
    assert status == 1
    (line,) = [x for x in said.splitlines() if x.startswith('error: ')]
    assert message in line
    assert not Path('out').exists()
