# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import json
import runpy
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aeroseg.apis import Predictor
from aeroseg.vocabulary import Vocabulary
from aeroseg.world import WorldDataset, make_scene

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/demo.py'
CONFIG = ROOT / 'configs/demo/aeroseg_world.py'
VOCABULARY = Vocabulary.from_metainfo(WorldDataset.METAINFO)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, 'argv', ['demo.py', *arguments])
    monkeypatch.syspath_prepend(TOOL.parent)
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(TOOL), run_name='__main__')
    assert end.value.code == 0


@pytest.fixture(scope='module')
def tool() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOOL.parent)
        return runpy.run_path(str(TOOL))


def test_it_trains_scores_and_draws(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    options = ['--seed', '3', '--iters', '2', '--scenes', '2', '--work-dir']
    run(monkeypatch, *options, str(tmp_path))
    folder = tmp_path / 'aeroseg_world/seed_3'
    result = json.loads((folder / 'scores.json').read_text())
    assert (result['config'], result['seed']) == ('aeroseg_world', 3)
    ways = {'chance', 'untrained', 'trained', 'wrong names', 'turned scenes'}
    assert set(result['rows']) == ways
    # Two scenes say little, but the encoders know more than chance.
    rows = result['rows']
    assert rows['untrained']['h-mIoU'] > 4 * rows['chance']['h-mIoU']
    assert 0 < rows['turned scenes']['same label'] <= 100
    assert Image.open(folder / 'picture.png').size[0] > 1000
    shown = capsys.readouterr().out
    assert 'untrained' in shown
    assert f'predict.py {folder / "scene.png"} --model' in shown
    assert (folder / 'model' / 'README.md').is_file()

    weights = folder / 'iter_2.pth'
    # Into a folder that has results: scores and model are replaced.
    scored = tmp_path / 'aeroseg_world/seed_4/scores.json'
    shutil.copytree(folder, scored.parent)
    scored.write_text('{}')
    (scored.parent / 'model/README.md').write_text('old')
    again = ['--seed', '4', '--checkpoint', str(weights)]
    run(monkeypatch, *again, *options[4:], str(tmp_path))
    assert json.loads(scored.read_text())['rows'] == rows
    assert 'trained in' not in capsys.readouterr().out
    assert (scored.parent / 'model/README.md').read_text() != 'old'
    model = Predictor.from_pretrained(scored.parent / 'model', device='cpu')
    assert model.trained == VOCABULARY

    run(monkeypatch, '--table', str(tmp_path))
    table = capsys.readouterr().out
    assert 'aeroseg_world' in table
    assert '2 seeds' in table


def test_the_untrained_row_does_not_depend_on_the_training(
    tool: dict[str, Any],
) -> None:
    model, untrained = (tool['load'](CONFIG) for _ in range(2))
    images = torch.from_numpy(make_scene(0, 3).image)
    images = images.permute(2, 0, 1)[None].float()
    with torch.no_grad():
        first = tool['label_scenes'](model, untrained, images, VOCABULARY)
        for weight in model.backbone.parameters():
            weight.mul_(0.5)  # as if CLIP had been trained too
        second = tool['label_scenes'](model, untrained, images, VOCABULARY)
    assert torch.equal(first['untrained'], second['untrained'])
    assert not torch.equal(first['trained'], second['trained'])


def test_the_sheet_shows_scenes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(monkeypatch, '--sheet', str(tmp_path / 'sheet.jpg'))
    assert np.asarray(Image.open(tmp_path / 'sheet.jpg')).std() > 30


def test_wrong_names_are_wrong_for_every_unseen_class_alone(
    tool: dict[str, Any],
) -> None:
    wrong = tool['wrong_names'](VOCABULARY)
    pairs = zip(
        VOCABULARY.names, wrong.names, VOCABULARY.seen or (), strict=True
    )
    assert all((name == other) == seen for name, other, seen in pairs)
    assert sorted(wrong.names) == sorted(VOCABULARY.names)


def test_the_means_are_of_percent_iou(tool: dict[str, Any]) -> None:
    count = np.diag(np.full(len(VOCABULARY), 4))
    count[0, 10] = 4  # half of a seen class is taken for an unseen one
    means = tool['_means'](count, VOCABULARY)
    assert means['grass field'] == 50
    assert means[VOCABULARY.names[10]] == 50
    assert means['s-mIoU'] == pytest.approx(95)
    assert means['u-mIoU'] == pytest.approx(100 - 50 / 9)
