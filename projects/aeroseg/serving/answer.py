# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From a question to a map, by the model that the server holds."""

import argparse
import hashlib
import json
import shlex
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any

from aeroseg.apis.explain import Explanation
from aeroseg.apis.predictor import Predictor
from aeroseg.command_line import as_called
from aeroseg.mapping.job.predict_scene import open_scene, predict_scene
from aeroseg.mapping.job.scan_scene import lanes_of, scan_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.job.work_folder import WorkFolder
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.reading.remote_scene import content
from aeroseg.mapping.stopwatch import Stopwatch
from aeroseg.palette import default_palette
from aeroseg.version import __version__
from aeroseg.vocabulary import Vocabulary

from .feature_memory import FeatureMemory, RememberingModel
from .jobs import WORDS, Job, Question
from .maps import LiveMap
from .scenes import Scenes

_MODEL_FLAGS = ('model', 'config', 'checkpoint', 'clip', 'device')


class Answerer:
    """One model in memory that answers every question.

    Args:
        predictor (Predictor): The model.
        scenes (Scenes): What may be asked about.
        options (SceneOptions): How scenes are read and cut into windows.
        memory (int): Bytes for what was seen in windows, which other words
            reuse; 0 for none.
        asked (argparse.Namespace | None): The command line, for the command
            that is shown to users.

    Attributes:
        gsd (float | None): The ground resolution unless a question says
            another.
    """

    def __init__(
        self,
        predictor: Predictor,
        scenes: Scenes,
        options: SceneOptions,
        memory: int = 2**31,
        asked: argparse.Namespace | None = None,
    ) -> None:
        self.predictor = predictor
        self.scenes = scenes
        self.options = options
        self.memory = FeatureMemory(memory)
        self.asked = vars(asked) if asked is not None else {}
        self.gsd = predictor.gsd if options.gsd is None else options.gsd
        self._lock = Lock()

    def name_of(self, question: Question) -> str:
        """The name of a question's folder.

        Equal for equal questions about a scene that has not changed.
        """
        options = self._options(question).identity()
        path = self.scenes.path(question.scene)
        asked = [
            question.to_dict(),
            str(path),
            content(path),
            options,
            self.predictor.model_id,
            __version__,
        ]
        text = json.dumps(asked, default=str, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return f'{question.scene}-{digest[:10]}'

    def explain(self, words: Vocabulary) -> Explanation:
        """What the model makes of the words; see :func:`.explain`.

        Raises:
            ValueError: If the model reads no words.
        """
        with self._lock:
            return self.predictor.explain(words)

    def check(self, question: Question) -> None:
        """Refuse what cannot be answered, before it waits in the queue.

        Raises:
            ValueError: If the part of the scene or the ground resolution is
                wrong, or the scene cannot be read.
            UnknownNameError: If there is no such scene.
        """
        path = self.scenes.path(question.scene)
        with open_scene(path, self._options(question)):
            pass

    def run(self, job: Job) -> None:
        """Answer a question; see :func:`predict_scene` for the errors."""
        question = job.question
        asked = self.predictor.ask(question.words)
        self.memory.begin()
        predict_scene(
            RememberingModel(asked, self.memory, self._lock),
            self.scenes.path(question.scene),
            job.folder,
            asked.scheme,
            self._options(question),
            self.predictor.model_id,
            partial(_scan, job),
        )

    def command(self, job: Job) -> str:
        """The command of predict.py that makes the same files."""
        question, options = job.question, self._options(job.question)
        words = question.words
        command = ['python', 'tools/predict.py']
        command.append(str(self.scenes.path(question.scene)))
        for name in _MODEL_FLAGS:
            if self.asked.get(name) is not None:
                command += [f'--{name}', str(self.asked[name])]
        if self.asked.get('amp'):
            command.append('--amp')
        if words.palette == default_palette(words.names):
            classes = '; '.join(', '.join(group) for group in words.synonyms)
            command += ['--classes', classes]
        else:
            command += ['--vocabulary', str(job.folder / WORDS)]
        if words.contrast:
            command += ['--contrast', ', '.join(words.contrast)]
        if words.threshold is not None:
            command += ['--threshold', f'{words.threshold:g}']
        command += _differing(options, self.predictor)
        command += ['--scores', '--polygons', 'gpkg']
        command += ['--out', str(job.folder)]
        return as_called(shlex.join(command))

    def _options(self, question: Question) -> SceneOptions:
        return replace(
            self.options,
            gsd=question.gsd,
            crop=question.crop,
            scores=True,
            polygons='gpkg',
            progress=False,
        )


def _differing(options: SceneOptions, predictor: Predictor) -> list[str]:
    """Flags for what is not as it would be without them."""
    flags: list[str] = []
    usual = SceneOptions(predictor.tiling, scale=predictor.scale)
    for name in ('bands', 'crop'):
        if (numbers := getattr(options, name)) is not None:
            flags += [f'--{name}', ','.join(map(str, numbers))]
    for name in ('gsd', 'scale', 'stretch'):
        value = getattr(options, name)
        if value != getattr(usual, name):
            flags += [f'--{name}', str(value)]
    if options.allow_damaged:
        flags.append('--allow-damaged')
    for name in ('window', 'overlap', 'margin', 'batch'):
        value = getattr(options.tiling, name)
        if value != getattr(usual.tiling, name):
            flags += [f'--{name}', str(value)]
    return flags


def _scan(
    job: Job,
    model: Any,
    source: RasterSource,
    scheme: LabelScheme,
    options: SceneOptions,
    work: WorkFolder,
    clock: Stopwatch,
) -> None:
    """Predict in this thread, with a map to look at meanwhile."""
    job.live = LiveMap(source.shape, source.grid, scheme)
    work.missing(lanes_of(source, options))  # drops what cannot be read
    for block, labels, _ in work.pieces():
        job.live.paint_block(block, labels)
    scan_scene(model, source, scheme, options, work, clock, watcher=job)
