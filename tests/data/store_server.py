# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A small S3 on loopback that refuses or stalls; :mod:`.s3_server` is whole.

A bucket is a folder. It checks no signature.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .range_server import Handler, RangeServer, serve

_DENIED = (
    b'<?xml version="1.0"?><Error><Code>Refused</Code>'
    b'<Message>not now</Message></Error>'
)


class StoreHandler(Handler):
    """Files of a folder, which can be written and removed.

    The fault is a status and the end of a name, such as '403 preview.png': so
    is a request to write it answered. The status 0 is no answer.
    """

    def do_PUT(self) -> None:  # noqa: N802
        """Write a file."""
        content = self.rfile.read(int(self.headers['Content-Length']))
        if not self._goes_wrong():
            path = self.folder / self.path.lstrip('/')
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self._refuse(200)

    def do_DELETE(self) -> None:  # noqa: N802
        """Remove a file."""
        if not self._goes_wrong():
            (self.folder / self.path.lstrip('/')).unlink(missing_ok=True)
            self._refuse(204)

    def _goes_wrong(self) -> bool:
        status, _, name = self.fault.partition(' ')
        if not (name and self.path.endswith(name) and self._take_fault()):
            return False
        if status == '0':
            time.sleep(60)
        self.send_response(int(status))
        self.send_header('Content-Length', str(len(_DENIED)))
        self.end_headers()
        self.wfile.write(_DENIED)
        return True


def push(results: Any, names: dict[str, str]) -> None:
    """Copy results in a process of its own, with these variables."""
    os.environ.update(names)
    results.push()


@contextmanager
def serve_store(
    folder: Path, fault: str = ''
) -> Iterator[tuple[RangeServer, dict[str, str]]]:
    """Serve buckets while the block runs.

    Yields:
        tuple[RangeServer, dict[str, str]]: The server, and the variables by
        which GDAL finds it.
    """
    with serve(folder, fault, StoreHandler) as server:
        yield (
            server,
            {
                'AWS_S3_ENDPOINT': server.url.partition('://')[2],
                'AWS_HTTPS': 'NO',
                'AWS_VIRTUAL_HOSTING': 'FALSE',
                'AWS_ACCESS_KEY_ID': 'key',
                'AWS_SECRET_ACCESS_KEY': 'hidden-key',
                'AWS_REGION': 'us-east-1',
                'GDAL_HTTP_RETRY_DELAY': '0.02',
                'GDAL_HTTP_MAX_RETRY': '1',
            },
        )
