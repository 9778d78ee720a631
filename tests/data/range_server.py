# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A file server on loopback with ranges, and with the faults of real ones.

It runs in its own process: GDAL keeps Python waiting while it asks.
"""

import multiprocessing
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_CONTEXT = multiprocessing.get_context('fork')


class RangeServer(NamedTuple):
    """A running server.

    Attributes:
        url (str): Of its folder, without a slash at the end.
        faults (Any): Counts down the answers that go wrong; a negative
            count never ends.
        version (Any): A number in the ETag of every file.
    """

    url: str
    faults: Any
    version: Any


class Handler(BaseHTTPRequestHandler):
    """Answers one request; :func:`serve` sets what it needs."""

    protocol_version = 'HTTP/1.1'
    folder: Path
    fault: str
    faults: Any
    version: Any

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Headers alone."""
        self._answer(body=False)

    def do_GET(self) -> None:
        """A file, or a range of it."""
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.folder / urlsplit(self.path).path.lstrip('/')
        if not path.is_file():
            self._refuse(404)
            return
        content = path.read_bytes()
        asked = self.headers.get('Range')
        first, last = 0, len(content) - 1
        if asked:
            start, _, end = asked.removeprefix('bytes=').partition('-')
            first, last = int(start), min(int(end or last), last)
        wrong = body and first > 0 and self._take_fault()
        if wrong and self.fault == 'reset':
            linger = struct.pack('ii', 1, 0)  # close() then resets
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            self.close_connection = True
            return
        if wrong and self.fault.isdecimal():
            self._refuse(int(self.fault))
            return
        self.send_response(206 if asked else 200)
        length = last - first + 1
        self.send_header('Content-Length', str(length))
        self.send_header('Accept-Ranges', 'bytes')
        self.send_header('ETag', f'"v{self.version.value}"')
        if asked:
            whole = f'bytes {first}-{last}/{len(content)}'
            self.send_header('Content-Range', whole)
        self.end_headers()
        if body:
            part = length // 2 if wrong else length
            self.wfile.write(content[first : first + part])
            self.close_connection = self.close_connection or wrong

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def _take_fault(self) -> bool:
        if not self.fault:
            return False
        with self.faults.get_lock():
            left = self.faults.value
            self.faults.value = max(left - 1, 0) if left >= 0 else left
        return bool(left)


@contextmanager
def serve(
    folder: Path,
    fault: str = '',
    kind: type = Handler,
    identity: Path | None = None,
) -> Iterator[RangeServer]:
    """Serve a folder while the block runs.

    Args:
        folder (Path): The files.
        fault (str): What goes wrong with ranges of pixels: a status such as
            '503', 'reset' (of the connection), 'cut' (an answer that ends
            early).
        kind (type): Answers more than files, see :mod:`.stac_server`.
        identity (Path | None): Certificate and key; the server then speaks
            TLS.
    """
    faults = _CONTEXT.Value('i', 0)
    version = _CONTEXT.Value('i', 1)

    given = {
        'folder': folder,
        'fault': fault,
        'faults': faults,
        'version': version,
    }
    handler = type('Given', (kind,), given)
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    if identity is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    process = _CONTEXT.Process(target=server.serve_forever, daemon=True)
    process.start()
    server.socket.close()
    try:
        port = server.server_address[1]
        scheme = 'http' if identity is None else 'https'
        yield RangeServer(f'{scheme}://127.0.0.1:{port}', faults, version)
    finally:
        process.kill()
        process.join()


class Breaking:
    """A model during whose third batch its server begins to fail.

    Args:
        model (Any): Predicts.
        server (RangeServer): The server.
    """

    def __init__(self, model: Any, server: RangeServer) -> None:
        self.model = model
        self.server = server
        self.calls = 0

    def predict_scores(self, images: Any) -> Any:
        """See :class:`aeroseg.mapping.windows.score_model.ScoreModel`."""
        self.calls += 1
        if self.calls == 3:
            self.server.faults.value = -1
        return self.model.predict_scores(images)
