# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The whole report, with a real model and real data."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image

from aeroseg.engine.full_report import add_report_arguments, apply_report
from aeroseg.engine.run import build_runner
from aeroseg.evaluation.report import ImageCounts
from aeroseg.evaluation.report.extra_passes import check_passes
from aeroseg.models import AerOSeg
from aeroseg.models.segmentors import unwrapped
from aeroseg.world.classes import CLASSES

ROOT = Path(__file__).resolve().parents[3]
TRAINING_FREE = 'configs/demo/training_free/dense-clip_world.py'
SIDE = 96  # pixels
CLOSED_SET = 'configs/demo/closed_set/segformer-b0_world.py'


def flags(*words: str, **more: Any) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_report_arguments(parser)
    args = parser.parse_args([*words])
    return argparse.Namespace(
        **{'tta': False, 'result': None, **more}, **vars(args)
    )


def prepare(config: str, folder: Path, *words: str) -> Runner:
    made = Config.fromfile(ROOT / config)
    made.work_dir = str(folder)
    made.test_dataloader.update(batch_size=2)
    made.test_dataloader.dataset.update(length=3, size=SIDE)
    apply_report(made, flags('--report', 'full', *words))
    runner = build_runner(made)
    if made.model.type == 'TrainingFreeSegmentor':
        unwrapped(runner.model).load_pretrained()
    return runner


@pytest.fixture(scope='module')
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp('report')
    passes = ['wordings', 'distractors', 'background']
    runner = prepare(
        TRAINING_FREE, folder, '--passes', *passes, '--pass-images', '1'
    )
    scores = runner.test()
    assert unwrapped(runner.model).vocabulary.names == CLASSES
    return next(folder.glob('*/report_untrained')), scores


def test_the_report_repeats_the_scores_and_adds_intervals(
    report: tuple[Path, dict],
) -> None:
    folder, scores = report
    record = json.loads((folder / 'report.json').read_text())
    assert record['format'] == 'aeroseg-report/1'
    assert record['images'] == 3
    for name in ('s-mIoU', 'u-mIoU', 'h-mIoU', 'mIoU'):
        row = record['means'][name]
        assert row['value'] == pytest.approx(scores[name], abs=1e-3)
        assert row['low'] <= row['mean'] <= row['high']
    assert 0 < record['calibration']['expected_calibration_error'] < 100
    assert sum(record['calibration']['pixels']) == 3 * SIDE**2
    areas = [c['AP'] for c in record['classes'] if c['AP'] is not None]
    assert areas
    assert all(0 <= area <= 100 for area in areas)


def test_the_passes_say_what_other_words_do(report: tuple[Path, dict]) -> None:
    folder, _ = report
    passes = json.loads((folder / 'report.json').read_text())['passes']
    assert passes['images'] == 1
    spread = passes['wordings']['means']['h-mIoU']
    assert len(spread['rounds']) == 5
    assert spread['low'] < spread['high']
    words = passes['wordings']['classes'][0]['words']
    assert words[:2] == ['grass field', 'grass fields']
    # The first wording is the usual one, as is the pass without distractors.
    rows = passes['distractors']
    assert [row['words'] for row in rows] == [0, 10, 100]
    assert rows[0]['mIoU'] == pytest.approx(
        passes['wordings']['means']['mIoU']['rounds'][0]
    )
    assert rows[0]['taken_percent'] == 0
    assert rows[0]['mIoU'] >= rows[2]['mIoU']
    areas = passes['background']['classes']
    assert [row['name'] for row in areas] == list(CLASSES)
    assert any(row['AUROC'] is not None for row in areas)


def test_pictures_and_counts_are_in_the_folder(
    report: tuple[Path, dict],
) -> None:
    folder, _ = report
    for name in ('classes', 'reliability', 'passes'):
        with Image.open(folder / f'{name}.png') as picture:
            assert np.asarray(picture.convert('L')).std() > 20
    counts = ImageCounts.read(folder / 'image_counts.npz')
    assert counts.images == tuple(f'world/3/{i:05d}.png' for i in range(3))
    assert counts.dense()[..., 2].sum() == 3 * SIDE**2
    assert not list(folder.glob('.*'))


def test_a_closed_set_model_gets_a_report_without_passes(
    tmp_path: Path,
) -> None:
    runner = prepare(CLOSED_SET, tmp_path)
    scores = runner.test()
    path = next(tmp_path.glob('*/report_untrained/report.json'))
    record = json.loads(path.read_text())
    assert record['means']['mIoU']['value'] == pytest.approx(
        scores['mIoU'], abs=1e-3
    )
    assert sum(record['calibration']['pixels']) == 3 * SIDE**2
    again = prepare(CLOSED_SET, tmp_path, '--passes', 'wordings')
    with pytest.raises(ValueError, match='has an output per class'):
        again.test()


def test_the_pass_without_a_class_needs_logits_and_two_classes(
    build_tiny: Callable[..., AerOSeg],
) -> None:
    passes = ('background',)
    check_passes(passes, build_tiny(('road', 'tree')), None)
    with pytest.raises(ValueError, match='there is only one'):
        check_passes(passes, build_tiny(('road',)), None)
    model = build_tiny(('road', 'tree'))
    model.test_cfg.keep_logits = False
    with pytest.raises(ValueError, match="'background' needs the logits"):
        check_passes(passes, model, None)


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--passes', 'wordings'], '--passes has no effect without'),
        (['--boundary-width', '5'], '--boundary-width has no effect'),
        (['--report', 'full', '--pass-images', '5'], 'without --passes'),
        (
            ['--report', 'full', '--passes', 'distractors', '--wordings', 'x'],
            'without --passes wordings',
        ),
    ],
)
def test_flags_without_effect_are_refused(
    words: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        apply_report(Config(), flags(*words))


def test_augmentation_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='leave --tta out'):
        apply_report(Config(), flags('--report', 'full', tta=True))
    words = ['--report', 'full', '--passes', 'wordings', '--wordings']
    with pytest.raises(FileNotFoundError, match='there is no'):
        apply_report(Config(), flags(*words, str(tmp_path / 'none.txt')))


def test_the_report_lies_next_to_the_scores_that_were_asked_for() -> None:
    config = Config(
        {'test_evaluator': {'type': 'OpenVocabIoUMetric', 'ignore_index': 7}}
    )
    apply_report(config, flags('--report', 'full', result='out/a.json'))
    assert config.custom_hooks[0].folder == 'out/a_report'
    assert config.test_evaluator[1].ignore_index == 7
    assert config.test_evaluator[1].boundary_width == 3
