# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What a reader of the log sees."""

from aeroseg.evaluation.score_table import format_score, score_table

NAN = float('nan')


def entry(name: str, seen: bool | None, iou: float, pixels: int = 9) -> dict:
    return {
        'name': name,
        'seen': seen,
        'IoU': iou,
        'pixels': pixels,
        'images': int(pixels > 0),
    }


def test_seen_classes_stand_first_and_counts_are_shown() -> None:
    text = score_table(
        [
            entry('bridge', False, 12.345),
            entry('ship', True, 50.0, 1234567),
        ],
        {'s-mIoU': 50.0, 'h-mIoU': NAN},
        ['IoU'],
    )
    rows = text.splitlines()
    ship = next(i for i, row in enumerate(rows) if 'ship' in row)
    bridge = next(i for i, row in enumerate(rows) if 'bridge' in row)
    assert ship < bridge
    assert '1,234,567' in rows[ship]
    assert ' seen ' in rows[ship]
    assert ' unseen ' in rows[bridge]
    assert '12.35' in rows[bridge] or '12.34' in rows[bridge]
    assert 'left out' not in text
    assert '50.00' in rows[-2]
    assert 'nan' in rows[-2]


def test_a_class_without_truth_is_named() -> None:
    classes = [entry('ship', True, 50.0), entry('sea', False, NAN, 0)]
    text = score_table(classes, {'mIoU': 50.0}, ['IoU'])
    line = next(row for row in text.splitlines() if 'not in the means' in row)
    assert line.startswith('sea:')
    assert 'ship' not in line


def test_unknown_marks_are_a_dash_and_the_text_is_plain() -> None:
    text = score_table([entry('ship', None, 1.0)], {'mIoU': 1.0}, ['IoU'])
    assert '| -' in text
    assert text.isascii()


def test_format_score() -> None:
    assert format_score(61.199) == '61.20'
    assert format_score(NAN) == 'nan'


def test_long_names_and_many_scores_are_not_cut() -> None:
    names = ['IoU', 'Acc', 'Dice', 'Fscore', 'Precision', 'Recall']
    long = 'a harbour with several small boats of different colours'
    row = {**entry(long, True, 1.0, 10**12), **dict.fromkeys(names, 12.345)}
    text = score_table([row], {'mIoU': 1.0}, names)
    assert long in text
    assert all(name in text for name in names)
    assert '1,000,000,000,000' in text
