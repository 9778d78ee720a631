# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""moto's S3 server on loopback, in a process of its own.

GDAL keeps Python waiting while it asks, so a thread could not answer.
"""

import multiprocessing
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

_CONTEXT = multiprocessing.get_context('fork')


def _run(port: int) -> None:
    import logging

    import moto.server

    logging.getLogger('werkzeug').setLevel(logging.ERROR)
    moto.server.main(['-H', '127.0.0.1', '-p', str(port)])


@contextmanager
def serve_s3(bucket: str) -> Iterator[Any]:
    """A bucket while the block runs; GDAL's variables point to it.

    Yields:
        Any: boto3's client, to look at what is there.
    """
    import boto3

    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    process = _CONTEXT.Process(target=_run, args=(port,), daemon=True)
    process.start()
    client = boto3.client(
        's3',
        endpoint_url=f'http://127.0.0.1:{port}',
        aws_access_key_id='key',
        aws_secret_access_key='secret',
        region_name='us-east-1',
    )
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(('127.0.0.1', port)).close()
            break
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)
    client.create_bucket(Bucket=bucket)
    variables = {
        'AWS_S3_ENDPOINT': f'127.0.0.1:{port}',
        'AWS_HTTPS': 'NO',
        'AWS_VIRTUAL_HOSTING': 'FALSE',
        'AWS_ACCESS_KEY_ID': 'key',
        'AWS_SECRET_ACCESS_KEY': 'secret',
        'AWS_REGION': 'us-east-1',
    }
    with mock.patch.dict(os.environ, variables):
        yield client
    process.kill()
    process.join()
