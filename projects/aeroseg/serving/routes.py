# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What can be asked of the server, below `api/`."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from .answer import Answerer
from .forms import Asked, Words, advice, brief, hex_of, whole
from .jobs import Job, JobQueue, Question
from .scenes import Scenes
from .tiles import (
    Tile,
    empty_tile,
    heat_tile,
    label_tile,
    locate_tile,
    read_part,
)

_KEEP = {'cache-control': 'private, max-age=3600'}
_FRESH = {'cache-control': 'no-store'}


def scene_routes(scenes: Scenes) -> APIRouter:
    """Scenes: facts, tiles, places, uploads.

    Args:
        scenes (Scenes): The scenes.
    """
    routes = APIRouter()

    @routes.get('/scenes/{scene}')
    def describe_scene(scene: str) -> dict[str, Any]:
        """Size, resolution and notes of a scene."""
        return scenes.describe(scene)

    @routes.get('/scenes/{scene}/tiles/{z}/{x}/{y}.png')
    def scene_tile(scene: str, z: int, x: int, y: int) -> Response:
        """A tile of the scene; see :mod:`.tiles`."""
        return _tile(scenes.tile(scene, z, x, y), _KEEP)

    @routes.put('/uploads/{name}')
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

    @routes.get('/scenes/{scene}/at')
    def place(scene: str, x: int, y: int) -> dict[str, Any]:
        """Where on Earth a pixel is."""
        return {'place': scenes.place(scene, x + 0.5, y + 0.5)}

    return routes


def job_routes(jobs: JobQueue, answerer: Answerer) -> APIRouter:
    """Jobs: questions, advice, state, cancel and resume.

    Args:
        jobs (JobQueue): The jobs.
        answerer (Answerer): Has the model.
    """
    routes = APIRouter()

    @routes.post('/advice')
    def advise(words: Words) -> dict[str, Any]:
        """Colours of the words, and what the model makes of them."""
        vocabulary = words.vocabulary()
        return {
            'colours': [hex_of(colour) for colour in vocabulary.palette],
            'advice': advice(answerer, vocabulary),
        }

    @routes.get('/jobs')
    def list_jobs() -> list[dict[str, Any]]:
        """All jobs, the newest last."""
        return [brief(job, answerer) for job in jobs]

    @routes.post('/jobs')
    def ask(asked: Asked) -> dict[str, Any]:
        """Ask a question; an equal one is not computed twice."""
        question = Question(
            asked.scene, asked.words.vocabulary(), asked.crop, asked.gsd
        )
        answerer.check(question)
        return whole(jobs.add(answerer.name_of(question), question), answerer)

    @routes.get('/jobs/{name}')
    def job(name: str) -> dict[str, Any]:
        """A job with its legend, notes and command."""
        return whole(jobs[name], answerer)

    @routes.post('/jobs/{name}/cancel')
    def cancel(name: str) -> dict[str, Any]:
        """Stop a job; what is done is kept."""
        return whole(jobs.cancel(name), answerer)

    @routes.post('/jobs/{name}/resume')
    def resume(name: str) -> dict[str, Any]:
        """Put a stopped job in the queue again."""
        return whole(jobs.resume(name), answerer)

    return routes


def map_routes(jobs: JobQueue, scenes: Scenes) -> APIRouter:
    """Maps of jobs: tiles, heat maps, pixels, files.

    Args:
        jobs (JobQueue): The jobs.
        scenes (Scenes): The scenes.
    """
    routes = APIRouter()

    @routes.get('/jobs/{name}/tiles/{z}/{x}/{y}.png')
    def map_tile(name: str, z: int, x: int, y: int) -> Response:
        """A tile of the map as far as it is made."""
        job = jobs[name]
        shape = scenes.source(job.question.scene).shape
        content = _draw_labels(job, shape, locate_tile(shape, z, x, y))
        return _tile(content, _KEEP if job.result else _FRESH)

    @routes.get('/jobs/{name}/heat/{index}/{z}/{x}/{y}.png')
    def heat(name: str, index: int, z: int, x: int, y: int) -> Response:
        """A tile of the probability of a class, of a finished job."""
        job = jobs[name]
        if not 0 <= index < job.scheme.num_scores:
            raise HTTPException(404, f'There is no class {index}.')
        shape = scenes.source(job.question.scene).shape
        content = _draw_heat(job, shape, locate_tile(shape, z, x, y), index)
        return _tile(content, _KEEP if job.result else _FRESH)

    @routes.get('/jobs/{name}/at')
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

    @routes.get('/jobs/{name}/files/{kind}')
    def download(name: str, kind: str) -> FileResponse:
        """A result of a finished job."""
        found = jobs[name].result
        if found is None or kind not in found.files:
            raise HTTPException(404, f'There is no {kind} of this job.')
        path = found.files[kind]
        return FileResponse(path, filename=f'{name}-{path.name}')

    return routes


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


def _draw_labels(
    job: Job, shape: tuple[int, int], tile: Tile | None
) -> bytes | None:
    made = job.result or job.live
    if tile is None or made is None:
        return None
    crop = job.question.crop or (0, 0, shape[1], shape[0])
    labels = read_part(tile, crop, made.labels, job.scheme.nodata)
    return label_tile(labels, job.scheme.classes.palette)


def _draw_heat(
    job: Job, shape: tuple[int, int], tile: Tile | None, index: int
) -> bytes | None:
    result = job.result
    if tile is None or result is None:
        return None

    def read(area: Sequence[int], size: tuple[int, int]) -> np.ndarray:
        scores, valid = result.scores(index, area, size)
        return np.where(valid, scores, -1)

    crop = job.question.crop or (0, 0, shape[1], shape[0])
    scores = read_part(tile, crop, read, -1)
    return heat_tile(np.maximum(scores, 0), scores >= 0)
