# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""mmengine's optimiser constructor without a warning per frozen weight."""

import logging

from mmengine.logging import MMLogger
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

_NOISE = ('is skipped since its requires_grad', 'paramwise_options --')


def _wanted(record: logging.LogRecord) -> bool:
    return not any(text in record.getMessage() for text in _NOISE)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class QuietOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """The default optimiser constructor, without its flood of warnings.

    Most of AerOSeg is frozen, and each frozen weight gives a warning (about
    900). :class:`TrainableHook` logs in a few lines what is trained.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimiser of a model."""
        logger = MMLogger.get_current_instance()
        logger.addFilter(_wanted)
        try:
            return super().__call__(model)
        finally:
            logger.removeFilter(_wanted)
