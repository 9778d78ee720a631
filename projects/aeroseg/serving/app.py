# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The web application: page, routes, and errors as sentences."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from aeroseg.command_line import describe
from aeroseg.version import __version__

from .answer import Answerer
from .forms import brief
from .guard import Guard
from .jobs import JobQueue
from .routes import job_routes, map_routes, scene_routes
from .scenes import UnknownNameError

PAGE = Path(__file__).parent / 'page'


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
            'jobs': [brief(job, answerer) for job in jobs],
        }

    app.include_router(scene_routes(scenes), prefix='/api')
    app.include_router(job_routes(jobs, answerer), prefix='/api')
    app.include_router(map_routes(jobs, scenes), prefix='/api')
    app.mount('/', StaticFiles(directory=PAGE, html=True))
    return Guard(app, hosts, token)


def _explain_errors(app: FastAPI) -> None:
    """Every refusal is a sentence that the page shows."""

    @app.exception_handler(RequestValidationError)
    async def wrong_form(_: Request, error: RequestValidationError) -> Any:
        first = error.errors()[0]
        where = '.'.join(str(part) for part in first['loc'][1:])
        return JSONResponse({'detail': f'{where}: {first["msg"]}'}, 422)

    @app.exception_handler(UnknownNameError)
    async def unknown(_: Request, error: UnknownNameError) -> Any:
        return JSONResponse({'detail': f'There is no {error}.'}, 404)

    @app.exception_handler(ValueError)
    @app.exception_handler(OSError)
    async def refused(_: Request, error: Exception) -> Any:
        return JSONResponse({'detail': describe(error)}, 400)
