# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One model on loopback, as the Hugging Face hub answers for it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_COMMIT = 'a' * 40


@contextmanager
def serve_model(folder: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    """Serve the files of a folder as the model `name`.

    Yields:
        tuple[str, list[str]]: Address for HF_ENDPOINT, and the paths that
        were asked for, which grow.
    """
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        """Facts of the model, its list of files, and the files."""

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            """Headers alone."""
            self._answer(body=False)

        def do_GET(self) -> None:
            """Headers and content."""
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            path = self.path.partition('?')[0]
            asked.append(path)
            status, content, headers = 404, b'', {}
            facts = {'id': name, 'sha': _COMMIT, 'private': False}
            if path.startswith(f'/api/models/{name}/tree/'):
                status, content = 200, json.dumps(_tree(folder)).encode()
            elif path.startswith(f'/api/models/{name}'):
                status, content = 200, json.dumps(facts).encode()
            elif path.startswith(f'/{name}/resolve/'):
                status = 200
                content = (folder / path.rpartition('/')[2]).read_bytes()
                digest = hashlib.sha256(content).hexdigest()
                headers = {'X-Repo-Commit': _COMMIT, 'ETag': f'"{digest}"'}
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}', asked
    server.shutdown()
    server.server_close()


def _tree(folder: Path) -> list[dict[str, Any]]:
    return [
        {
            'type': 'file',
            'path': path.name,
            'size': path.stat().st_size,
            'oid': hashlib.sha1(path.read_bytes()).hexdigest(),
        }
        for path in folder.iterdir()
    ]
