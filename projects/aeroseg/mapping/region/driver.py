# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Hand out blocks until all are kept; retry those whose worker was lost."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tqdm import tqdm

from aeroseg.mapping.block import Block
from aeroseg.mapping.job.output_folder import UnfinishedError

from .blocks import open_stretch
from .engine import Engine, Event

logger = logging.getLogger(__name__)

_BEAT = 0.5  # seconds between two looks at silent workers


@dataclass
class Report:
    """What happened to workers and blocks.

    Attributes:
        lost (int): Workers that ended or fell silent, and were replaced.
        retried (int): Times that a block was handed out again.
        poisoned (dict[Block, str]): Blocks that were given up, with the last
            reason.
    """

    lost: int = 0
    retried: int = 0
    poisoned: dict[Block, str] = field(default_factory=dict)


class Driver:
    """Keeps every worker busy.

    Args:
        engine (Engine): Where workers run; they are started here.
        blocks (Sequence[Block]): What is to be predicted.
        bar (tqdm): Counts windows.
        describe (Callable[[int, int], str]): Text for the bar from blocks
            left and pixels done.
        patience (float): Seconds without a sign of life after which a
            worker is replaced.
        attempts (int): How often a block may fail.
    """

    def __init__(
        self,
        engine: Engine,
        blocks: Sequence[Block],
        bar: 'tqdm[None]',
        describe: Callable[[int, int], str],
        patience: float = 600.0,
        attempts: int = 3,
    ) -> None:
        self.engine = engine
        self.bar = bar
        self.describe = describe
        self.patience = patience
        self.attempts = attempts
        self.report = Report()
        self._waiting = {_place(block): block for block in blocks}
        self._at: dict[int, Block] = {}  # worker -> its block
        self._last: dict[int, Block] = {}  # worker -> the one before
        self._heard: dict[int, float] = {}
        self._failures: Counter[Block] = Counter()
        self._in_vain = 0  # failures since a block was finished
        self._pixels = 0

    def run(self) -> Report:
        """Predict all blocks.

        Returns:
            Report: Also of blocks that were given up; the others are kept.
        """
        workers = range(min(self.engine.size, len(self._waiting)))
        for worker in workers:
            self._start(worker)
        while self._waiting or self._at:
            for worker in workers:
                idle = worker not in self._at
                if idle and self._waiting and self.engine.is_ready(worker):
                    self._give(worker)
            for event in self.engine.wait(_BEAT):
                self._take(event)
            self._replace_silent()
        return self.report

    def _start(self, worker: int) -> None:
        self._last.pop(worker, None)
        self.engine.start(worker)

    def _give(self, worker: int) -> None:
        busy = self._at.values()
        block = self._below(self._last.get(worker))
        if block is None:
            block = open_stretch(self._waiting.values(), busy)
        del self._waiting[_place(block)]
        self._at[worker] = block
        self._heard[worker] = time.monotonic()
        self.engine.submit(worker, block)

    def _below(self, last: Block | None) -> Block | None:
        """The block below a worker's last one: it needs no window again."""
        if last is None:
            return None
        return self._waiting.get((last.left, last.bottom))

    def _take(self, event: Event) -> None:
        self._heard[event.worker] = time.monotonic()
        if event.kind == 'tick':
            self.bar.update(event.windows)
            return
        block = self._at.pop(event.worker, None)
        if event.kind == 'done' and block is not None:
            self._in_vain = 0
            self._last[event.worker] = block
            self._pixels += block.area
            left = len(self._waiting) + len(self._at)
            self.bar.set_postfix_str(self.describe(left, self._pixels))
            return
        if event.kind == 'lost':
            self.report.lost += 1
            logger.warning(
                'worker %d was lost: %s; it is replaced',
                event.worker,
                event.reason,
            )
            self._start(event.worker)
        self._last.pop(event.worker, None)
        self._check_progress(event.reason)
        if block is not None:
            self._again(block, event.reason)

    def _check_progress(self, why: str) -> None:
        self._in_vain += 1
        if self._in_vain > self.attempts * (self.engine.size + 1):
            raise UnfinishedError(
                f'{self._in_vain} blocks failed without one that was '
                f'finished, the last one: {why}. What was finished before is '
                'kept'
            )

    def _again(self, block: Block, why: str) -> None:
        self._failures[block] += 1
        if self._failures[block] < self.attempts:
            self.report.retried += 1
            self._waiting[_place(block)] = block
            return
        self.report.poisoned[block] = why
        logger.warning(
            'the block of %s failed %d times and is given up: %s',
            block,
            self.attempts,
            why,
        )

    def _replace_silent(self) -> None:
        now = time.monotonic()
        for worker in list(self._at):
            silent = now - self._heard[worker]
            if silent > self.patience:
                why = f'no sign of life for {silent:.0f} s'
                self._take(Event(worker, 'lost', reason=why))


def _place(block: Block) -> tuple[int, int]:
    return block.left, block.top
