# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A trained model as a folder: packed, opened, used, damaged."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image
from tool_process import run_tool

import aeroseg.models  # noqa: F401
from aeroseg.apis import Predictor
from aeroseg.checkpoints.model_folder import open_model_folder
from aeroseg.evaluation.result_file import write_result

PACK = 'tools/pack.py'
WORDS = 'road; tree, forest'


@pytest.fixture(scope='module')
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work dir with a checkpoint, its config and a result file."""
    folder = tmp_path_factory.mktemp('work')
    root = Path(__file__).resolve().parents[2]
    name = 'aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
    config = Config.fromfile(root / 'configs' / 'aeroseg' / name)
    config.dump(folder / 'config.py')
    model = MODELS.build(config.model)
    meta = {
        'classes': ('bare | land', 'road'),
        'palette': [[128, 0, 0], [255, 255, 255]],
        'seen_classes': ('road',),
    }
    torch.save(
        {'state_dict': model.state_dict(), 'meta': {'dataset_meta': meta}},
        folder / 'iter_4.pth',
    )
    result = {
        'summary': {'s-mIoU': 50.0, 'u-mIoU': 25.0, 'h-mIoU': 33.333},
        'classes': [{'name': 'road', 'IoU': 50.0}, {'name': 'x', 'IoU': None}],
        'images': 3,
        'protocol': {'dataset': {'type': 'OpenEarthMapDataset'}},
    }
    (folder / 'time').mkdir()
    write_result(folder / 'time/test_iter_4.json', result)
    return folder


@pytest.fixture(scope='module')
def packed(work: Path) -> Path:
    done = run_tool(
        *(PACK, 'iter_4.pth', 'shared/model', '--gsd', '0.5'), folder=work
    )
    assert done.status == 0, done.err
    assert 'test_iter_4.json' in done.out
    return work / 'shared' / 'model'


def test_the_folder_predicts_what_the_checkpoint_predicts(
    work: Path, packed: Path
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
    ours = Predictor.from_pretrained(packed, device='cpu')
    plain = Predictor(work / 'config.py', work / 'iter_4.pth', device='cpu')
    assert ours.trained == plain.trained
    assert (ours.tiling, ours.scale) == (plain.tiling, plain.scale)
    found = ours.predict(image, WORDS, scores=True)
    expected = plain.predict(image, WORDS, scores=True)
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_the_card_says_what_a_stranger_must_know(packed: Path) -> None:
    card = (packed / 'README.md').read_text()
    assert 'images of 0.5 m per pixel' in card
    assert r'| bare \| land |  | unseen |' in card
    assert '| 50.00 | 25.00 | 33.33 |' in card
    assert '- training data: OpenEarthMap: of each image, else CC' in card


def test_nothing_in_it_can_be_executed(packed: Path) -> None:
    assert sorted(path.name for path in packed.iterdir()) == [
        'README.md', 'config.json', 'model.safetensors', 'vocabulary.json'
    ]  # fmt: skip
    settings = json.loads((packed / 'config.json').read_text())
    assert 'custom_imports' not in settings
    assert 'init_cfg' not in json.dumps(settings)


def test_predict_takes_the_folder(packed: Path, tmp_path: Path) -> None:
    pixels = np.zeros((80, 70, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'scene.png')
    command = ('tools/predict.py', 'scene.png', '--model', packed)
    done = run_tool(
        *command, '--classes', WORDS, '--out', 'out', folder=tmp_path
    )
    assert done.status == 0, done.err
    assert (tmp_path / 'out' / 'labels.tif').is_file()
    both = run_tool(
        *command, '--checkpoint', 'x.pth', '--out', 'out', folder=tmp_path
    )
    assert both.status == 1
    assert 'is a whole model: leave out' in both.err


def test_a_folder_in_use_is_left_alone(work: Path, packed: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in packed.iterdir()}
    done = run_tool(PACK, 'iter_4.pth', packed, folder=work)
    assert done.status == 1
    assert 'exists and is not an empty folder' in done.err
    assert before == {p: p.stat().st_mtime_ns for p in packed.iterdir()}


@pytest.mark.parametrize(
    ('name', 'content', 'said'),
    [
        ('model.safetensors', None, 'no model.safetensors in it'),
        ('config.json', '{', 'is no JSON file'),
        ('config.json', '{}', "has no 'model'"),
        ('vocabulary.json', '{"x": 1}', 'a vocabulary with the entries'),
        ('model.safetensors', 'x', 'damaged|not a checkpoint|cannot be read'),
    ],
)
def test_a_damaged_folder_is_one_sentence(
    packed: Path, tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    folder = tmp_path / 'model'
    shutil.copytree(packed, folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(ValueError, match=said):
        Predictor.from_pretrained(folder, device='cpu')


def test_a_name_that_is_nowhere() -> None:
    with pytest.raises(FileNotFoundError, match='there is no model folder'):
        open_model_folder('nobody/nothing')
    with pytest.raises(FileNotFoundError, match='there is no model folder'):
        open_model_folder('a/b/c')


def test_a_wrong_result_file_is_refused(work: Path, tmp_path: Path) -> None:
    (tmp_path / 'a.json').write_text('[]')
    for name, said in (
        ('a.json', 'no result file'),
        ('b.json', 'there is no'),
    ):
        done = run_tool(
            *(PACK, 'iter_4.pth', tmp_path / 'x'),
            *('--result', tmp_path / name),
            folder=work,
        )
        assert done.status == 1
        assert said in done.err
    assert not (tmp_path / 'x').exists()
