# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The web application: what the page asks, and what it gets."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from aeroseg.command_line import describe
from aeroseg.palette import RGB, default_palette, hex_to_rgb
from aeroseg.version import __version__
from aeroseg.vocabulary import Vocabulary

from .answer import Answerer
from .guard import Guard
from .jobs import Job, JobQueue, Question
from .tiles import empty_tile, heat_tile, label_tile, locate_tile, read_part

PAGE = Path(__file__).parent / 'page'
_KEEP = {'cache-control': 'private, max-age=3600'}
_FRESH = {'cache-control': 'no-store'}


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


def make_app(
    answerer: Answerer,
    folder: Path,
    title: str,
    hosts: Sequence[str] = (),
    token: str = '',
) -> Any:
    """The application, an ASGI app.

    Args:
        answerer (Answerer): The model and the scenes.
        folder (Path): Folder of the jobs.
        title (str): Name of the model.
        hosts (Sequence[str]): See :class:`Guard`.
        token (str): See :class:`Guard`.
    """
    jobs = JobQueue(folder, answerer.run)
    scenes = answerer.scenes

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        jobs.start()
        yield
        jobs.close()

    app = FastAPI(
        title='AerOSeg',
        version=__version__,
        lifespan=life,
        docs_url=None,  # its page comes from another host
        redoc_url=None,
    )
    _explain_errors(app)

    @app.get('/api/state')
    def state() -> dict[str, Any]:
        """The model, the scenes and all jobs."""
        trained = answerer.predictor.trained
        return {
            'model': {
                'name': title,
                'classes': None if trained is None else trained.names,
                'gsd': answerer.gsd,
                'version': __version__,
            },
            'scenes': [
                {'id': name, 'name': scenes.path(name).name}
                for name in scenes.names
            ],
            'upload_limit': scenes.limit,
            'jobs': [_brief(job, answerer) for job in jobs],
        }

    @app.get('/api/scenes/{scene}')
    def describe_scene(scene: str) -> dict[str, Any]:
        """Size, resolution and notes of a scene."""
        return scenes.describe(scene)

    @app.get('/api/scenes/{scene}/tiles/{z}/{x}/{y}.png')
    def scene_tile(scene: str, z: int, x: int, y: int) -> Response:
        """A tile of the scene; see :mod:`.tiles`."""
        return _tile(scenes.tile(scene, z, x, y), _KEEP)

    @app.put('/api/uploads/{name}')
    async def upload(name: str, request: Request) -> dict[str, str]:
        """Take a raster file as the body of the request."""
        with tempfile.TemporaryDirectory(dir=_made(scenes.uploads)) as part:
            path = Path(part) / 'upload'
            with path.open('wb') as file:
                async for chunk in request.stream():
                    file.write(chunk)
                    if file.tell() > scenes.limit:
                        raise HTTPException(413, _too_large(scenes.limit))
            kept = await run_in_threadpool(scenes.keep_upload, name, path)
            return {'id': kept}

    @app.post('/api/advice')
    def advise(words: Words) -> dict[str, Any]:
        """Colours of the words, and what the model makes of them."""
        vocabulary = words.vocabulary()
        return {
            'colours': [_hex(colour) for colour in vocabulary.palette],
            'advice': _advice(answerer, vocabulary),
        }

    @app.get('/api/jobs')
    def list_jobs() -> list[dict[str, Any]]:
        """All jobs, the newest last."""
        return [_brief(job, answerer) for job in jobs]

    @app.post('/api/jobs')
    def ask(asked: Asked) -> dict[str, Any]:
        """Ask a question; an equal one is not computed twice."""
        question = Question(
            asked.scene, asked.words.vocabulary(), asked.crop, asked.gsd
        )
        answerer.check(question)
        return _whole(jobs.add(answerer.name_of(question), question), answerer)

    @app.get('/api/jobs/{name}')
    def job(name: str) -> dict[str, Any]:
        """A job with its legend, notes and command."""
        return _whole(jobs[name], answerer)

    @app.post('/api/jobs/{name}/cancel')
    def cancel(name: str) -> dict[str, Any]:
        """Stop a job; what is done is kept."""
        return _whole(jobs.cancel(name), answerer)

    @app.post('/api/jobs/{name}/resume')
    def resume(name: str) -> dict[str, Any]:
        """Put a stopped job in the queue again."""
        return _whole(jobs.resume(name), answerer)

    @app.get('/api/jobs/{name}/tiles/{z}/{x}/{y}.png')
    def map_tile(name: str, z: int, x: int, y: int) -> Response:
        """A tile of the map as far as it is made."""
        found, live = jobs[name], jobs[name].live
        shape = scenes.source(found.question.scene).shape
        tile = locate_tile(shape, z, x, y)
        finished = found.result
        read = finished.labels if finished else live.read if live else None
        if tile is None or read is None:
            return _tile(None, _FRESH)
        scheme = found.scheme
        crop = found.question.crop or (0, 0, shape[1], shape[0])
        labels = read_part(tile, crop, read, scheme.nodata)
        keep = _KEEP if finished else _FRESH
        return _tile(label_tile(labels, scheme.classes.palette), keep)

    @app.get('/api/jobs/{name}/heat/{index}/{z}/{x}/{y}.png')
    def heat(name: str, index: int, z: int, x: int, y: int) -> Response:
        """A tile of the probability of a class, of a finished job."""
        found = jobs[name]
        shape = scenes.source(found.question.scene).shape
        tile = locate_tile(shape, z, x, y)
        if tile is None or found.result is None:
            return _tile(None, _FRESH)
        if not 0 <= index < found.scheme.num_scores:
            raise HTTPException(404, f'There is no class {index}.')
        crop = found.question.crop or (0, 0, shape[1], shape[0])

        def read(area: Sequence[int], size: tuple[int, int]) -> np.ndarray:
            scores, valid = finished.scores(index, area, size)
            return np.where(valid, scores, -1)

        finished = found.result
        scores = read_part(tile, crop, read, -1)
        return _tile(heat_tile(np.maximum(scores, 0), scores >= 0), _KEEP)

    @app.get('/api/scenes/{scene}/at')
    def place(scene: str, x: int, y: int) -> dict[str, Any]:
        """Where on Earth a pixel is."""
        return {'place': scenes.place(scene, x + 0.5, y + 0.5)}

    @app.get('/api/jobs/{name}/at')
    def at(name: str, x: int, y: int) -> dict[str, Any]:
        """The best words at a pixel of the scene."""
        found = jobs[name]
        width, height = scenes.source(found.question.scene).shape[::-1]
        crop = found.question.crop or (0, 0, width, height)
        x, y = x - crop[0], y - crop[1]
        inside = 0 <= x < crop[2] and 0 <= y < crop[3]
        if not inside or found.result is None:
            return {'best': []}
        return {'best': found.result.at(x, y)[:3]}

    @app.get('/api/jobs/{name}/files/{kind}')
    def download(name: str, kind: str) -> FileResponse:
        """A result of a finished job."""
        found = jobs[name].result
        if found is None or kind not in found.files:
            raise HTTPException(404, f'There is no {kind} of this job.')
        path = found.files[kind]
        return FileResponse(path, filename=f'{name}-{path.name}')

    app.mount('/', StaticFiles(directory=PAGE, html=True))
    return Guard(app, hosts, token)


def _hex(colour: RGB) -> str:
    return '#{:02X}{:02X}{:02X}'.format(*colour)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _too_large(limit: int) -> str:
    return (
        f'The file is larger than {limit / 2**20:.0f} MB. Start the server '
        'with the file as its scene, or with a larger --upload-limit.'
    )


def _tile(content: bytes | None, headers: dict[str, str]) -> Response:
    content = empty_tile() if content is None else content
    return Response(content, media_type='image/png', headers=headers)


def _brief(job: Job, answerer: Answerer) -> dict[str, Any]:
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


def _whole(job: Job, answerer: Answerer) -> dict[str, Any]:
    words, result = job.question.words, job.result
    classes = job.scheme.classes
    legend = [
        {'name': name, 'colour': _hex(colour)}
        for name, colour in zip(classes.names, classes.palette, strict=True)
    ]
    for row, area in zip(legend, result.areas if result else (), strict=False):
        row |= {'pixels': area[2], 'share': area[3], 'hectares': area[4]}
    return {
        **_brief(job, answerer),
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


def _advice(answerer: Answerer, words: Vocabulary) -> list[dict[str, str]]:
    try:
        found = answerer.explain(words)
    except ValueError as error:
        return [{'kind': 'error', 'text': str(error)}]
    advice = [
        {
            'kind': 'alike',
            'text': f'The model can hardly tell "{first}" from "{second}". '
            'Make one a synonym of the other, or say more: "paved road" '
            'instead of "road".',
        }
        for first, second, _ in found.alike
    ]
    return advice + [
        {
            'kind': 'far',
            'text': f'"{name}" is far from all that the model was trained on '
            f'(the nearest is "{near}"): look at its map with care. A more '
            'common word, or a synonym behind a comma, may help.',
        }
        for name, near, _, far in found.neighbours
        if far
    ]


def _explain_errors(app: FastAPI) -> None:
    """Every refusal is a sentence that the page shows."""

    @app.exception_handler(RequestValidationError)
    async def wrong_form(_: Request, error: RequestValidationError) -> Any:
        first = error.errors()[0]
        where = '.'.join(str(part) for part in first['loc'][1:])
        return JSONResponse({'detail': f'{where}: {first["msg"]}'}, 422)

    @app.exception_handler(KeyError)
    async def unknown(_: Request, error: KeyError) -> Any:
        return JSONResponse({'detail': f'There is no {error}.'}, 404)

    @app.exception_handler(ValueError)
    @app.exception_handler(OSError)
    async def refused(_: Request, error: Exception) -> Any:
        return JSONResponse({'detail': describe(error)}, 400)

    @app.get('/healthz')
    def health() -> PlainTextResponse:
        """Whether the server answers."""
        return PlainTextResponse('ok')
