# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The words a model is asked for, and how mmseg's functions set them."""

import weakref
from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log
from mmseg.registry import DATASETS

from aeroseg.vocabulary import Vocabulary


class ModelWords:
    """What a model is asked for.

    The vocabulary can change at any time, by :meth:`set_vocabulary` or by
    assigning mmseg's ``dataset_meta``.
    """

    _vocabulary: Vocabulary | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary in use.

        Raises:
            ValueError: If none was given.
        """
        if self._vocabulary is None:
            raise ValueError(
                'the model has no vocabulary; call set_vocabulary(Vocabulary.'
                'parse("building; road")), or give it one in the config'
            )
        return self._vocabulary

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Ask for other classes from now on; nothing is rebuilt."""
        self._vocabulary = vocabulary

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """Classes and palette for mmseg; assigning sets the vocabulary."""
        if self._vocabulary is None:
            return None
        meta = self._vocabulary.to_metainfo()
        return {key: meta[key] for key in ('classes', 'palette')}

    @dataset_meta.setter
    def dataset_meta(self, metainfo: Mapping[str, Any] | None) -> None:
        if metainfo and metainfo.get('classes'):
            self.set_vocabulary(Vocabulary.from_metainfo(metainfo))

    @property
    def out_channels(self) -> int:
        """T + K, channels of the logits: classes, then background words."""
        return len(self.vocabulary.queries)

    @property
    def num_classes(self) -> int:
        """T, the number of classes."""
        return len(self.vocabulary)


class ModelLink:
    """Leads from the visualizer of a config to the model of that config.

    ``MMSegInferencer(classes=[...])`` gives the words to the visualizer
    alone. The link does not keep the model alive, and is None in every copy
    and in the text of the config, which can be dumped and read again.

    Args:
        model (OpenVocabSegmentor): The model.
    """

    def __init__(self, model: Any) -> None:
        self._model = weakref.ref(model)

    def ask_for(self, metainfo: Mapping[str, Any] | None) -> dict[str, Any]:
        """Give the model words, unless it has them already.

        Args:
            metainfo (Mapping | None): 'classes' and 'palette' (which may be
                None); None for all classes of the config's test data.

        Returns:
            dict: The classes and palette in use.
        """
        model = self._model()
        if model is None:
            return dict(metainfo or {})
        if metainfo is None:
            apply_test_classes(model, model.cfg)
        elif tuple(metainfo['classes']) != model.vocabulary.names:
            model.dataset_meta = metainfo
        return model.dataset_meta

    def __repr__(self) -> str:
        return 'None'

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


def apply_test_classes(model: Any, config: Mapping[str, Any]) -> None:
    """Ask for all classes of a config's test dataset.

    A checkpoint names the training classes only. Where the config has no
    test dataset, or it cannot be built here, the model keeps its words, with
    a line in the log.

    Args:
        model (OpenVocabSegmentor): The model.
        config (Mapping): The whole config.
    """
    dataset = (config.get('test_dataloader') or {}).get('dataset')
    if dataset is None:
        return
    # Without reading the list of images, which need not be here.
    settings = {**dataset, 'pipeline': [], 'lazy_init': True}
    try:
        metainfo = DATASETS.build(settings).metainfo
    except (OSError, ValueError, KeyError, TypeError) as error:
        print_log(
            f'The classes of the test dataset are not known ({error}). The '
            'model keeps those it has; give others by set_vocabulary.',
            logger='current',
            level=30,
        )
        return
    model.set_vocabulary(Vocabulary.from_metainfo(metainfo))


def link_visualizer(model: Any, config: Mapping[str, Any]) -> None:
    """Let the visualizer of a config give its classes to the model.

    Args:
        model (OpenVocabSegmentor): The model.
        config (Mapping): The whole config; its visualizer gets 'model'.
    """
    visualizer = config.get('visualizer')
    if visualizer and visualizer.get('type') == 'PanelVisualizer':
        visualizer['model'] = ModelLink(model)
    elif visualizer:
        print_log(
            f'visualizer type {visualizer.get("type")!r} cannot give words '
            'to the model: classes=[...] of MMSegInferencer changes the '
            "names in pictures only. Use type='PanelVisualizer', or "
            'set_vocabulary of the model.',
            logger='current',
            level=30,
        )
