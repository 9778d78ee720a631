# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What the page sends and what it gets, as plain values."""

from typing import Any

from pydantic import BaseModel, Field

from aeroseg.palette import RGB, default_palette, hex_to_rgb
from aeroseg.vocabulary import Vocabulary

from .answer import Answerer
from .jobs import Job

_MOST = 300  # words that are compared with each other


class ClassWords(BaseModel):
    """A class: its name, synonyms behind commas, and a colour."""

    words: str = Field(max_length=1000)
    colour: str | None = Field(None, pattern='^#[0-9a-fA-F]{6}$')


class Words(BaseModel):
    """The words of a question."""

    classes: list[ClassWords] = Field(max_length=2000)
    background: str = Field('', max_length=10_000)
    threshold: float | None = None

    def vocabulary(self) -> Vocabulary:
        """As the model is asked.

        Raises:
            ValueError: If there are none, or a word is wrong.
        """
        rows = [row for row in self.classes if row.words.strip(' ;,')]
        if not rows:
            raise ValueError('Write at least one word, such as "building".')
        asked = Vocabulary.parse(
            '; '.join(row.words.strip(' ;,') for row in rows),
            contrast=tuple(filter(str.strip, self.background.split(','))),
            threshold=self.threshold,
        )
        if len(asked) != len(rows):
            raise ValueError("';' separates classes: use a line for each.")
        usual = default_palette(asked.names)
        palette = tuple(
            hex_to_rgb(row.colour) if row.colour else colour
            for row, colour in zip(rows, usual, strict=True)
        )
        return Vocabulary(
            asked.names,
            asked.synonyms,
            None,
            palette,
            asked.contrast,
            asked.threshold,
        )


class Asked(BaseModel):
    """A question of the page."""

    scene: str
    words: Words
    crop: tuple[int, int, int, int] | None = None
    gsd: float | None = None


def brief(job: Job, answerer: Answerer) -> dict[str, Any]:
    """A job in the list of jobs."""
    question = job.question
    known = question.scene in answerer.scenes.names
    return {
        'id': job.name,
        'scene': question.scene,
        'scene_name': answerer.scenes.path(question.scene).name
        if known
        else None,
        'created': job.created,
        'state': job.state,
        'error': job.error,
        'done': job.done,
        'total': job.total,
        'seconds_left': job.seconds_left,
        'version': job.live.version if job.live else 0,
        'crop': question.crop,
        'gsd': question.gsd,
        'names': question.words.names,
    }


def whole(job: Job, answerer: Answerer) -> dict[str, Any]:
    """A job with its legend, words, notes, files and command."""
    words, result = job.question.words, job.result
    classes = job.scheme.classes
    legend = [
        {'name': name, 'colour': hex_of(colour)}
        for name, colour in zip(classes.names, classes.palette, strict=True)
    ]
    for row, area in zip(legend, result.areas if result else (), strict=False):
        row |= {'pixels': area[2], 'share': area[3], 'hectares': area[4]}
    return {
        **brief(job, answerer),
        'legend': legend,
        'scored': job.scheme.num_scores,
        'words': {
            'classes': [
                {'words': ', '.join(group), 'colour': row['colour']}
                for group, row in zip(words.synonyms, legend, strict=False)
            ],
            'background': ', '.join(words.contrast),
            'threshold': words.threshold,
        },
        'notes': result.notes if result else [],
        'files': list(result.files) if result else [],
        'command': answerer.command(job),
    }


def advice(answerer: Answerer, words: Vocabulary) -> list[dict[str, str]]:
    """What the model makes of the words, in plain words.

    Args:
        answerer (Answerer): Has the model.
        words (Vocabulary): The words.

    Returns:
        list[dict[str, str]]: 'kind' ('alike', 'far', 'error') and 'text'.
    """
    if len(words) > _MOST:
        return []
    try:
        found = answerer.explain(words)
    except ValueError as error:
        return [{'kind': 'error', 'text': str(error)}]
    told = [
        {
            'kind': 'alike',
            'text': f'The model can hardly tell "{first}" from "{second}". '
            'Make one a synonym of the other, or say more: "paved road" '
            'instead of "road".',
        }
        for first, second, _ in found.alike
    ]
    return told + [
        {
            'kind': 'far',
            'text': f'"{name}" is far from all that the model was trained on '
            f'(the nearest is "{near}"): look at its map with care. A more '
            'common word, or a synonym behind a comma, may help.',
        }
        for name, near, _, far in found.neighbours
        if far
    ]


def hex_of(colour: RGB) -> str:
    """A colour as '#RRGGBB'."""
    return '#{:02X}{:02X}{:02X}'.format(*colour)
