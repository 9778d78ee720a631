# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import pytest

from aeroseg.datasets.checking import PairFacts
from aeroseg.datasets.checking.rules import check_overlap, check_split
from aeroseg.vocabulary import Vocabulary

WORDS = Vocabulary(('a', 'b', 'c'), seen=(True, True, False))


def pair(digest: str, *ids: int) -> PairFacts:
    return PairFacts(
        f'{digest}.png', (8, 8), digest, dict.fromkeys(ids, 9), ids
    )


def test_errors_come_first_and_every_finding_is_a_sentence() -> None:
    pairs = [pair(f'{i}', 1, 2, 3) for i in range(30)]
    found = check_split('val', pairs, WORDS)
    assert [f.level for f in found] == ['error', 'warning']
    assert all(str(f).endswith('.') and '..' not in str(f) for f in found)


@pytest.mark.parametrize(
    ('ids', 'words'),
    [((0, 1), ('a', 'b')), ((0, 2), ('a', 'b', 'c')), ((0, 255), ('a',))],
)
def test_few_ids_alone_are_no_fault(
    ids: tuple[int, ...], words: tuple[str, ...]
) -> None:
    pairs = [pair(f'{i}', *ids) for i in range(30)]
    found = check_split('val', pairs, Vocabulary(words), sampled=True)
    assert found == []


@pytest.mark.parametrize(
    ('ids', 'seen'),
    [
        ((0, 1), (True, True, False)),
        ((0, 1, 255), (True, True, False)),
        ((0, 255), (True, False, False)),
        ((0, 255), (True, False, True)),  # a sample: class 2 may be rare
    ],
)
@pytest.mark.parametrize('split', ['train', 'train 1'])
def test_what_a_zero_shot_train_split_need_not_hold_is_no_fault(
    split: str, ids: tuple[int, ...], seen: tuple[bool, ...]
) -> None:
    pairs = [pair(f'{i}', *ids) for i in range(30)]
    words = Vocabulary(('a', 'b', 'c'), seen=seen)
    found = check_split(split, pairs, words, sampled=True)
    assert [f for f in found if f.level == 'error'] == []
    if sum(seen) == len(set(ids) - {255}):
        assert check_split(split, pairs, words) == []


def test_a_class_to_be_trained_that_masks_of_0_and_255_hide() -> None:
    pairs = [pair(f'{i}', 0, 255) for i in range(30)]
    (error, *_) = check_split('train', pairs, WORDS)
    assert error.level == 'error'
    assert 'hold only 0 and 255' in error.text
    assert "no label has 'b'" in error.text


def test_packed_labels_are_the_palette_fault_where_more_is_expected() -> None:
    pairs = [pair(f'{i}', 0, 1) for i in range(30)]
    for facts in pairs:
        facts.packed = True
    assert check_split('train', pairs, WORDS) == []
    (error,) = [
        f for f in check_split('val', pairs, WORDS) if f.level == 'error'
    ]
    assert 'this looks like the palette fault' in error.text


@pytest.mark.parametrize('split', ['train', 'val'])
def test_an_unseen_class_may_be_absent_from_train_only(split: str) -> None:
    pairs = [pair(f'{i}', 0, 1, 255) for i in range(30)]
    pairs[0] = pair('0', 0, 1, 255)
    found = [f for f in check_split(split, pairs, WORDS) if "'c'" in f.text]
    assert bool(found) == (split == 'val')


def test_overlap_of_three_splits() -> None:
    splits = {
        'train': [pair('x'), pair('y')],
        'val': [pair('y'), pair('z')],
        'test': [pair('z'), pair('z')],
    }
    texts = [f.text for f in check_overlap(splits)]
    assert len(texts) == 2
    assert texts[0].startswith('1 pictures are in train and in val')
    assert texts[1].startswith('1 pictures are in val and in test')


def test_damaged_images_are_not_called_equal() -> None:
    splits = {'train': [pair('')], 'val': [pair('')]}
    assert check_overlap(splits) == []
