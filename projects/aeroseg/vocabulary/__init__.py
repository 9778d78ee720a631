# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Class names: lists of words, the text forms they come in, the prompts."""

from .vocabulary import Vocabulary

__all__ = ['Vocabulary']
