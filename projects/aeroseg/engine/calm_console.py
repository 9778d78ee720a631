# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A runner whose console says what a person wants to know."""

import logging
import re
import sys
import warnings
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import Runner

# Listings of mmengine, and what it says of its own past.
_LISTINGS = (
    '\n------------------------------------------------------------\nSystem',
    'Config:\n',
    'Hooks will be executed',
    'Distributed training is not used',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'The prefix is not set in metric class',
    'Exp name: ',
    'Loads checkpoint by ',
    'Iter(val) ',
    'Iter(test) ',
)
_STEP = re.compile(r'(?:Iter|Epoch)\(train\) ')
_SHOWN = ('eta', 'memory', 'loss')


class CalmRunner(Runner):
    """mmengine's runner, with a short console.

    The log file has everything: the environment, the config, the order of the
    hooks and every value of a step. The console leaves these listings out.
    """

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """As mmengine's, then changes what goes to the console."""
        warnings.filterwarnings('ignore', message='The draw is False')
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if getattr(handler, 'stream', None) is sys.stdout:
                handler.addFilter(is_for_people)
                handler.setFormatter(_Short(datefmt='%H:%M:%S'))
        return logger


def is_for_people(record: logging.LogRecord) -> bool:
    """Whether a message belongs on the console.

    Args:
        record (logging.LogRecord): The message.
    """
    return not record.getMessage().startswith(_LISTINGS)


class _Short(logging.Formatter):
    """The time, a level above INFO, and of a step the few values of note."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        step = _STEP.match(text)
        if step:
            parts = re.split(r'\s{2,}', text[step.end() :])
            values = [p for p in parts if p.partition(':')[0] in _SHOWN]
            text = '  '.join([f'step {parts[0]}', *values])
        level = '' if record.levelno <= logging.INFO else record.levelname
        clock = self.formatTime(record, self.datefmt)
        return ' '.join(filter(None, (clock, level, text)))
