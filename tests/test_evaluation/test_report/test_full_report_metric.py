# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What is collected while a test runs."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch

from aeroseg.evaluation.report import FullReportMetric, full_report_metric
from aeroseg.evaluation.report.report_record import report_record, report_text

META = {'classes': ('ship', 'bridge', 'sea'), 'seen_classes': ('ship', 'sea')}


def sample(number: int, logits: bool = True) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(number)
    scores = torch.randn(3, 16, 16, generator=generator)
    truth = torch.randint(0, 3, (1, 16, 16), generator=generator)
    made = {
        'img_path': f'{number}.png',
        'pred_sem_seg': {'data': scores.argmax(dim=0, keepdim=True)},
        'gt_sem_seg': {'data': truth},
    }
    if logits:
        made['seg_logits'] = {'data': scores}
    return made


def metric(**kwargs: Any) -> FullReportMetric:
    made = FullReportMetric(**kwargs)
    made.dataset_meta = META
    made.to_probability = torch.sigmoid
    return made


def test_a_second_evaluation_begins_anew() -> None:
    made = metric()
    for _ in range(2):
        made.process({}, [sample(0), sample(1)])
        assert made.evaluate(2) == {}
        assert made.counts is not None
        assert made.counts.images == ('0.png', '1.png')
        assert made.counts.seen == (True, False, True)
        assert made.histograms is not None
        assert made.histograms.every.sum() == 2 * 3 * 256


def test_what_processes_evaluate_twice_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three images on two processes: the second repeats the first image."""
    total = torch.zeros(3, 15_361, dtype=torch.int64)
    for rank, places in enumerate(((0, 2), (1, 0))):
        monkeypatch.setattr(full_report_metric, 'get_world_size', lambda: 2)
        monkeypatch.setattr(full_report_metric, 'get_rank', lambda r=rank: r)
        made = metric()
        made.images = 3
        made.process({}, [sample(place) for place in places])
        assert made.histograms is not None
        total += made.histograms.every
    alone = metric()
    alone.process({}, [sample(place) for place in range(3)])
    assert alone.histograms is not None
    assert torch.equal(total, alone.histograms.every)


def test_without_logits_there_is_no_calibration() -> None:
    made = metric()
    made.process({}, [sample(0, logits=False)])
    made.evaluate(1)
    assert made.histograms is None
    assert made.counts is not None
    record = report_record(made.counts, None, {})
    assert 'calibration' not in record
    assert 'AP' not in record['classes'][0]
    assert 'model.test_cfg.keep_logits=True' in report_text(record)


def test_one_map_for_two_classes_has_no_calibration() -> None:
    made = metric()
    one = sample(0)
    one['seg_logits']['data'] = one['seg_logits']['data'][:1]
    made.process({}, [one])
    assert made.histograms is None


def test_an_image_leaves_little_in_memory() -> None:
    made = metric()
    images = [sample(number) for number in range(40)]
    made.process({}, images[:20])
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    made.process({}, images[20:])
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown / 20 < 600


def test_a_width_of_no_pixel_is_refused() -> None:
    with pytest.raises(ValueError, match='give 1 to 1000 pixels'):
        FullReportMetric(boundary_width=0)


def test_marks_of_seen_classes_can_come_from_the_config() -> None:
    made = metric(seen_classes=('bridge',))
    made.dataset_meta = {'classes': META['classes']}
    made.process({}, [sample(0)])
    made.evaluate(1)
    assert made.counts is not None
    assert made.counts.seen == (False, True, False)
    assert np.all(made.counts.boundary_width == 3)
