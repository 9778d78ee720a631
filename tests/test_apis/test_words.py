# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import argparse
from pathlib import Path

import pytest
from mmengine.config import Config

from aeroseg.apis.words import (
    add_arguments,
    classes_of_test,
    read_classes,
    read_words,
)
from aeroseg.read_config import read_config
from aeroseg.vocabulary import Vocabulary
from aeroseg.world import WorldDataset

TRAINED = Vocabulary(('barn', 'pond'))


def _parse(*texts: str) -> Vocabulary:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return read_words(parser.parse_args(texts), TRAINED)


def test_the_classes_of_the_training_are_the_default() -> None:
    assert _parse() == TRAINED
    with pytest.raises(ValueError, match='give classes'):
        read_classes(None, None)


def test_words_or_a_file_with_the_background_policy(tmp_path: Path) -> None:
    words = 'building, house; road'
    expected = Vocabulary.parse(words, contrast=('sky', 'sea'), threshold=0.2)
    policy = ('--contrast', 'sky, sea', '--threshold', '0.2')
    assert _parse('--classes', words, *policy) == expected
    path = tmp_path / 'names.txt'
    path.write_text('building, house\nroad\n')
    assert _parse('--vocabulary', str(path), *policy) == expected
    assert read_classes(path, None) == Vocabulary.parse(words)
    with pytest.raises(SystemExit):
        _parse('--classes', words, '--vocabulary', str(path))


def test_lists_and_vocabularies_are_words_too() -> None:
    assert read_classes(['a, b', 'c'], None) == Vocabulary.parse('a, b; c')
    assert read_classes(TRAINED, None) is TRAINED


def test_classes_of_the_test_dataset(root: Path) -> None:
    config = read_config(root / 'configs/demo/aeroseg_world.py')
    found = classes_of_test(config)
    assert found == Vocabulary.from_metainfo(WorldDataset.METAINFO)
    assert len(found) > len(Vocabulary.build(config.model.vocabulary))
    assert classes_of_test(Config({'model': {}})) is None
