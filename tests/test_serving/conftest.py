# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A real server with a small model."""

import argparse
import importlib.util
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import numpy as np
import pytest

# Imported below where it is needed: pytest -n loads this file in the process
# that only hands out tests, too.
if importlib.util.find_spec('fastapi') is None:
    collect_ignore_glob = ['test_*.py']  # the extra `web` is missing


class Served:
    """A server in a thread of this process.

    Args:
        files (dict[str, Path]): Config and checkpoint.
        arguments (tuple[object, ...]): Of the command line.
        token (str): See :func:`make_server_app`.
        nap (float): Seconds that the model takes longer for a batch; may be
            changed at any time.
        port (int): Where it listens; 0 for anywhere.
    """

    def __init__(
        self,
        files: dict[str, Path],
        *arguments: object,
        token: str = '',
        nap: float = 0.0,
        port: int = 0,
    ) -> None:
        import uvicorn

        from aeroseg.apis import Predictor
        from aeroseg.serving.start import add_arguments, make_server_app

        parser = argparse.ArgumentParser()
        add_arguments(parser)
        self.args = parser.parse_args([str(a) for a in arguments])
        self.args.config = str(files['config'])
        self.args.checkpoint = str(files['checkpoint'])
        self.predictor = Predictor(*map(files.get, ('config', 'checkpoint')))
        self.looks: list[float] = []  # when the model looked at a batch
        self.nap = nap
        self._watch()
        app = make_server_app(self.args, self.predictor, token)
        listener = socket.create_server(('127.0.0.1', port))
        self.port = listener.getsockname()[1]
        self.url = f'http://127.0.0.1:{self.port}/'
        self.server = uvicorn.Server(
            uvicorn.Config(
                app, log_level='warning', timeout_graceful_shutdown=1
            )
        )
        self.thread = threading.Thread(
            target=self.server.run, kwargs={'sockets': [listener]}
        )
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def _watch(self) -> None:
        look = self.predictor.model.encode_images

        def slowly(images: Any) -> Any:
            time.sleep(self.nap)
            found = look(images)
            self.looks.append(time.monotonic())
            return found

        self.predictor.model.encode_images = slowly

    def ask(
        self,
        path: str,
        content: Any = None,
        method: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Status and content of an answer."""
        body = content
        if not isinstance(content, bytes | None):
            body = json.dumps(content).encode()
        kinds = {'content-type': 'application/json', **(headers or {})}
        asked = urllib.request.Request(
            self.url + path, body, kinds, method=method
        )
        try:
            with urllib.request.urlopen(asked) as answer:
                status, data = answer.status, answer.read()
        except HTTPError as error:
            status, data = error.code, error.read()
        try:
            return status, json.loads(data)
        except ValueError:
            return status, data

    @property
    def scene(self) -> str:
        """The name of the first scene."""
        return self.ask('api/state')[1]['scenes'][0]['id']

    def start(self, words: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Ask for a map of the first scene; its job."""
        asked = {'scene': self.scene, 'words': words, **more}
        status, job = self.ask('api/jobs', asked)
        assert status == 200, job
        return job

    def map(self, words: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Ask for a map of the first scene; its job, done."""
        return self.wait(self.start(words, **more)['id'], 'done')

    def file(self, job: dict[str, Any], name: str) -> Path:
        """A file of a map."""
        return self.args.out / job['id'] / name

    def wait(self, job: str, *states: str) -> dict[str, Any]:
        """A job once it is in one of the states."""
        end = time.monotonic() + 600
        while time.monotonic() < end:
            _, found = self.ask(f'api/jobs/{job}')
            if found['state'] in states:
                return found
            time.sleep(0.02)
        raise AssertionError(f'{job} is {found["state"]}: {found["error"]}')

    def stop(self) -> None:
        """End the server as a signal does."""
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture
def scene(pixels: np.ndarray, write_scene: Callable[..., Path]) -> Path:
    """A scene of 220 x 300 pixels, several windows."""
    return write_scene(np.tile(pixels, (2, 2, 1)))


@pytest.fixture
def serve(
    tiny_files: dict[str, Path], tmp_path: Path
) -> Iterator[Callable[..., Served]]:
    """Start servers that end with the test."""
    running = []

    def start(*arguments: object, **options: Any) -> Served:
        out = ('--out', tmp_path / 'served')
        running.append(Served(tiny_files, *out, *arguments, **options))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope='module')
def shared(
    tiny_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """One server for the tests that leave nothing behind on it."""
    from fixtures.scenes import random_pixels, write_geotiff

    folder = tmp_path_factory.mktemp('shared')
    scene = write_geotiff(folder / 'scene.tif', random_pixels())
    server = Served(tiny_files, '--out', folder / 'served', scene)
    yield server
    server.stop()
