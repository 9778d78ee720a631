# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import json
from pathlib import Path

from mmengine.config import Config

from aeroseg.evaluation.run_identity import changed_options, dataset_settings


def test_options_that_differ_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / 'a.py'
    path.write_text(
        'a = dict(b=1, c=(2, 3), d=4)\ntest_evaluator = dict(type="x")\n'
    )
    config = Config.fromfile(path)
    config.work_dir, config.load_from = 'w', 'x.pth'
    config.randomness = {'seed': 3}
    config.test_evaluator.result_file = 'out.json'
    config.a.c = [2, 3]  # as a list it means the same
    assert changed_options(config) == {}
    config.merge_from_dict({'a.b': 5, 'e': {'f': 'g'}})
    del config.a['d']
    assert changed_options(config) == {
        'a.b': '5',
        'a.d': 'absent',
        'e.f': "'g'",
    }
    assert changed_options(Config({'a': 1})) == {}


def test_settings_of_the_converter(tmp_path: Path) -> None:
    assert dataset_settings(None) is None
    assert dataset_settings(tmp_path) is None
    text = json.dumps({'settings': {'split': 'dedup'}, 'scenes': 2})
    (tmp_path / 'manifest.json').write_text(text)
    assert dataset_settings(tmp_path) == {'split': 'dedup'}
