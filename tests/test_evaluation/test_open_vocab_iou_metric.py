# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The metric counts exactly, in one process and in two."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample
from PIL import Image
from tool_process import run_ranks

from aeroseg.evaluation import OpenVocabIoUMetric

META = {
    'classes': ('ship', 'bridge', 'sea'),
    'palette': [[0, 0, 63], [0, 127, 63], [0, 0, 255]],
    'seen_classes': ('ship', 'sea'),
}


def sample(truth: list, guess: list, **info: object) -> dict:
    data = SegDataSample(metainfo={'img_path': 'tile.png', **info})
    data.gt_sem_seg = PixelData(data=torch.tensor([truth]))
    data.pred_sem_seg = PixelData(data=torch.tensor([guess]))
    return data.to_dict()


def evaluate(samples: list[dict], meta: dict = META, **kwargs: object) -> dict:
    metric = METRICS.build({'type': 'OpenVocabIoUMetric', **kwargs})
    metric.dataset_meta = meta
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def test_scores_of_a_picture_counted_by_hand() -> None:
    truth = [[0, 0, 1, 1], [2, 2, 2, 255]]
    guess = [[0, 1, 1, 1], [2, 2, 0, 0]]
    scores = evaluate([sample(truth, guess)])
    # ship: 1 of {2 true, 2 guessed}; bridge: 2 of 3; sea: 2 of 3.
    ship, bridge, sea = 100 / 3, 200 / 3, 200 / 3
    assert scores['s-mIoU'] == pytest.approx((ship + sea) / 2)
    assert scores['u-mIoU'] == pytest.approx(bridge)
    assert scores['h-mIoU'] == pytest.approx(2 / (1 / 50 + 3 / 200))
    assert scores['mIoU'] == pytest.approx((ship + bridge + sea) / 3)
    assert scores['aAcc'] == pytest.approx(500 / 7)
    assert scores['mAcc'] == pytest.approx((50 + 100 + 200 / 3) / 3)


def test_equals_the_metric_of_mmseg_where_every_class_has_truth() -> None:
    generator = torch.Generator().manual_seed(3)
    samples = [
        sample(
            torch.randint(0, 3, (17, 23), generator=generator).tolist(),
            torch.randint(0, 3, (17, 23), generator=generator).tolist(),
        )
        for _ in range(5)
    ]
    metrics = ['mIoU', 'mDice', 'mFscore']
    theirs = IoUMetric(iou_metrics=metrics)
    theirs.dataset_meta = META
    theirs.process({}, samples)
    expected = theirs.evaluate(len(samples))
    ours = evaluate(samples, iou_metrics=metrics)
    for name, value in expected.items():
        assert ours[name] == pytest.approx(value, abs=0.005), name


def test_a_class_without_truth_joins_no_mean_even_if_predicted(
    tmp_path: Path,
) -> None:
    target = tmp_path / 'scores.json'
    scores = evaluate(
        [sample([[0, 0, 2, 2]], [[0, 1, 2, 2]])], result_file=str(target)
    )
    assert scores['s-mIoU'] == scores['mIoU'] == pytest.approx(75)
    assert math.isnan(scores['u-mIoU'])
    assert math.isnan(scores['h-mIoU'])
    bridge = json.loads(target.read_text())['classes'][1]
    assert bridge == {
        'name': 'bridge',
        'seen': False,
        'IoU': None,
        'Acc': None,
        'pixels': 0,
        'predicted_pixels': 1,
        'images': 0,
    }


def test_nan_to_num_counts_a_class_without_truth() -> None:
    scores = evaluate([sample([[0, 0, 2, 2]], [[0, 0, 2, 2]])], nan_to_num=0)
    assert scores['u-mIoU'] == scores['h-mIoU'] == 0
    assert scores['mIoU'] == pytest.approx(200 / 3)


def test_pixels_predicted_as_no_class_are_misses() -> None:
    scores = evaluate([sample([[0, 0, 1, 2]], [[0, 255, 1, 3]])])
    assert scores['s-mIoU'] == pytest.approx((50 + 0) / 2)
    assert scores['u-mIoU'] == 100


def test_pixels_are_exact_beyond_the_integers_of_float32(
    tmp_path: Path,
) -> None:
    # 2**24 pixels and one more: float32 cannot hold the sum.
    target = tmp_path / 'scores.json'
    big = torch.tensor([2**24, 1, 1])
    one = torch.tensor([1, 1, 1])
    metric = OpenVocabIoUMetric(result_file=str(target))
    metric.dataset_meta = META
    metric.compute_metrics([(big,) * 4, (one,) * 4])
    record = json.loads(target.read_text())
    assert record['classes'][0]['pixels'] == 2**24 + 1


def test_the_result_file_holds_vocabulary_counts_and_protocol(
    tmp_path: Path,
) -> None:
    target = tmp_path / 'scores.json'
    metric = OpenVocabIoUMetric(result_file=str(target))
    metric.dataset_meta = META
    metric.protocol = {'model': {'test_cfg': {'mode': 'whole'}}}
    metric.process(
        {}, [sample([[0, 1]], [[0, 1]]), sample([[0, 2]], [[0, 0]])]
    )
    scores = metric.evaluate(2)
    record = json.loads(target.read_text())
    assert record['summary'] == pytest.approx(scores)
    assert record['vocabulary']['names'] == list(META['classes'])
    assert record['vocabulary']['seen'] == [True, False, True]
    assert record['protocol']['model']['test_cfg']['mode'] == 'whole'
    assert record['images'] == 2
    assert [c['images'] for c in record['classes']] == [2, 1, 1]
    assert [c['pixels'] for c in record['classes']] == [2, 1, 1]
    assert [c['predicted_pixels'] for c in record['classes']] == [3, 1, 0]


def test_marks_may_come_from_the_argument() -> None:
    meta = {'classes': META['classes']}
    samples = [sample([[0, 1, 2]], [[0, 1, 1]])]
    scores = evaluate(samples, meta, seen_classes=['ship', 'sea'])
    assert scores == evaluate(samples)
    assert 'h-mIoU' not in evaluate(samples, meta)


@pytest.mark.parametrize(
    ('seen', 'message'),
    [(['boat'], r"names \['boat'\]"), (['bridge'], 'give them once')],
)
def test_marks_that_do_not_fit_the_dataset(seen: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate([sample([[0]], [[0]])], seen_classes=seen)


def test_an_unknown_id_in_the_truth_is_named() -> None:
    with pytest.raises(ValueError, match=r'ids \[7\].*0 to 2 and 255'):
        evaluate([sample([[0, 7]], [[0, 0]])])


def test_a_label_of_another_size_is_an_error() -> None:
    label = torch.zeros(4, 4, dtype=torch.long)
    with pytest.raises(ValueError, match='size of its image'):
        OpenVocabIoUMetric.intersect_and_union(label[:3], label, 3, 255)


def test_nothing_to_score_is_an_error() -> None:
    metric = OpenVocabIoUMetric()
    metric.dataset_meta = META
    with pytest.raises(ValueError, match='no image was evaluated'):
        metric.evaluate(0)


@pytest.mark.parametrize('metrics', ['mDice', ['mIoU', 'mMean']])
def test_metrics_without_miou_are_refused(metrics: object) -> None:
    with pytest.raises(ValueError, match="'mIoU' must be among"):
        OpenVocabIoUMetric(iou_metrics=metrics)


def test_the_prefix_stands_before_every_name() -> None:
    scores = evaluate([sample([[0, 1, 2]], [[0, 1, 2]])], prefix='val')
    assert scores['val/h-mIoU'] == 100
    assert all(name.startswith('val/') for name in scores)


def test_label_images_keep_more_than_255_classes(tmp_path: Path) -> None:
    meta = {'classes': tuple(f'class {i}' for i in range(400))}
    kwargs = {'output_dir': str(tmp_path), 'format_only': True}
    evaluate([sample([[0]], [[0, 254, 399, 400]])], meta, **kwargs)
    ids = np.array(Image.open(tmp_path / 'tile.png'))
    assert ids.tolist() == [[0, 254, 399, 65535]]


def test_label_images_undo_reduce_zero_label(tmp_path: Path) -> None:
    kwargs = {'output_dir': str(tmp_path)}
    guess = [[0, 1, 2, 255]]
    evaluate([sample(guess, guess, reduce_zero_label=True)], **kwargs)
    ids = np.array(Image.open(tmp_path / 'tile.png'))
    assert ids.dtype == np.uint8
    assert ids.tolist() == [[1, 2, 3, 0]]


WORKER = """
import os
import sys
import torch
import torch.distributed as dist
from mmengine.dist import get_rank, get_world_size
import aeroseg.evaluation
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

dist.init_process_group('gloo')
meta = {'classes': tuple('abcdefg'), 'seen_classes': tuple('abcd')}
metric = aeroseg.evaluation.OpenVocabIoUMetric(result_file=sys.argv[1])
metric.dataset_meta = meta
images = torch.load(sys.argv[2], weights_only=True)
rank, world = get_rank(), get_world_size()
# As mmengine's sampler: interleaved, the last ones repeated to fill up.
count = -(-len(images) // world)
for step in range(count):
    truth, guess = images[(step * world + rank) % len(images)]
    data = SegDataSample(
        gt_sem_seg=PixelData(data=truth), pred_sem_seg=PixelData(data=guess)
    )
    metric.process({}, [data.to_dict()])
scores = metric.evaluate(len(images))
# Every process gets the scores, for hooks such as CheckpointHook.
gathered = [None] * world
dist.all_gather_object(gathered, scores)
assert all(other == scores for other in gathered), gathered
dist.barrier()
# Not destroy_process_group(): its destructor and gloo's thread may wait for
# each other when the thread still holds a tensor of Python's.
os._exit(0)
"""


def test_one_process_and_two_give_the_same_file(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(5)

    def labels() -> torch.Tensor:
        return torch.randint(0, 7, (1, 31, 33), generator=generator)

    images = [(labels(), labels()) for _ in range(5)]
    torch.save(images, tmp_path / 'images.pt')
    worker = tmp_path / 'worker.py'
    worker.write_text(WORKER)
    files = [tmp_path / f'{world}.json' for world in (1, 2)]
    for world, target in enumerate(files, start=1):
        ranks = run_ranks(worker, target, tmp_path / 'images.pt', size=world)
        for rank in ranks:
            ended = rank.wait()
            assert ended.status == 0, ended.err
    one, two = (json.loads(path.read_text()) for path in files)
    assert one['images'] == 5
    assert one == two


def test_pixels_of_no_class_become_the_background_of_a_protocol() -> None:
    truth, guess = [[0, 2, 2, 1]], [[0, 255, 2, 255]]
    meta = {**META, 'background_id': 2}
    scores = evaluate([sample(truth, guess)], meta)
    # sea: 2 right, 1 wrong; bridge: none; ship: all.
    assert scores['mIoU'] == pytest.approx((100 + 0 + 200 / 3) / 3)
    plain = evaluate([sample(truth, guess)])
    assert plain['mIoU'] == pytest.approx((100 + 0 + 50) / 3)
