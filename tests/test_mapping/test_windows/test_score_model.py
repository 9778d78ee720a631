# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import logging

import pytest
import torch
from torch import Tensor

from aeroseg.mapping.windows.batch_log import BatchLog
from aeroseg.mapping.windows.score_model import (
    NonFiniteScoresError,
    PatientModel,
)


class Greedy:
    """Runs out of memory for more than `limit` images, as devices do."""

    def __init__(self, limit: int, error: Exception) -> None:
        self.limit, self.error = limit, error
        self.sizes: list[int] = []

    def predict_scores(self, images: Tensor) -> Tensor:
        if len(images) > self.limit:
            raise self.error
        self.sizes.append(len(images))
        return images[:, :2] / 255


CUDA = torch.cuda.OutOfMemoryError('CUDA out of memory')
CPU = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")


@pytest.mark.parametrize('error', [CUDA, CPU, MemoryError()])
def test_out_of_memory_halves_the_batch_and_says_so(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    images = 255 * torch.rand(7, 3, 4, 4)
    model = PatientModel(Greedy(2, error), BatchLog(8))
    with caplog.at_level(logging.WARNING):
        scores = model.predict_scores(images)
    assert torch.equal(scores, images[:, :2] / 255)
    assert model.batches.at(0) == 2
    assert 'continuing with batch 2' in caplog.text
    assert model.model.sizes == [2, 2, 2, 1]


def test_a_single_window_that_does_not_fit_is_an_error() -> None:
    model = PatientModel(Greedy(0, CUDA), BatchLog(4))
    with pytest.raises(MemoryError, match='5 x 4 pixels does not fit'):
        model.predict_scores(torch.zeros(4, 3, 4, 5))


def test_other_errors_are_not_swallowed() -> None:
    model = PatientModel(Greedy(0, RuntimeError('sizes differ')), BatchLog(4))
    with pytest.raises(RuntimeError, match='sizes differ'):
        model.predict_scores(torch.zeros(4, 3, 4, 4))
    assert model.batches.at(0) == 4


def test_coarse_scores_are_enlarged() -> None:
    class Coarse:
        def predict_scores(self, images: Tensor) -> Tensor:
            return torch.nn.functional.avg_pool2d(images[:, :1], 4)

    scores = PatientModel(Coarse(), BatchLog(2)).predict_scores(
        torch.ones(2, 3, 8, 12)
    )
    assert scores.shape == (2, 1, 8, 12)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_scores_that_are_not_finite_stop_the_run(value: float) -> None:
    class Broken:
        def predict_scores(self, images: torch.Tensor) -> torch.Tensor:
            scores = images[:, :2] / 255
            scores[-1, 1, 3, 3] = value
            return scores

    model = PatientModel(Broken(), BatchLog(2))
    with pytest.raises(NonFiniteScoresError, match='checkpoint'):
        model.predict_scores(torch.zeros(4, 3, 8, 8))
