# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How a server starts: from the command line, or in a notebook."""

import argparse
import errno
import html
import logging
import os
import secrets
import socket
import threading
import time
import webbrowser
from pathlib import Path
from typing import Any

import uvicorn

from aeroseg.apis.command import add_model_arguments, predictor_of
from aeroseg.apis.predictor import Predictor
from aeroseg.command_line import integer, number
from aeroseg.files import lock_folder
from aeroseg.mapping.job.scene_options import SceneOptions

from .answer import Answerer
from .app import make_app
from .guard import is_loopback
from .scenes import Scenes

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``tools/serve.py``."""
    parser.add_argument(
        'inputs', nargs='*', help='GeoTIFFs, pictures, folders, globs'
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('outputs/serve'),
        metavar='DIR',
        help='folder of the maps, one folder each, and of uploads; a server '
        'that starts there again resumes what was unfinished (default: '
        '%(default)s)',
    )
    group = parser.add_argument_group('server')
    group.add_argument(
        '--port',
        type=integer(0, 65535),
        default=8000,
        help='0 takes a free one (default: %(default)s)',
    )
    group.add_argument(
        '--host',
        default='127.0.0.1',
        help='address to listen at; one that other machines reach, such as '
        '0.0.0.0, needs --token (default: %(default)s)',
    )
    group.add_argument(
        '--token',
        nargs='?',
        const='',
        metavar='TEXT',
        help='ask every browser for this token; without TEXT one is made up',
    )
    group.add_argument(
        '--allow-host',
        action='append',
        default=[],
        metavar='NAME',
        help='a name under which browsers reach the server, such as that of '
        'a proxy; may be repeated',
    )
    group.add_argument(
        '--open', action='store_true', help='open the page in the browser'
    )
    group.add_argument(
        '--upload-limit',
        type=number(at_least=0),
        default=512,
        metavar='MB',
        help='largest file that the page may upload; 0 allows none '
        '(default: %(default)s)',
    )
    group.add_argument(
        '--memory',
        type=number(at_least=0),
        default=2,
        metavar='GB',
        help='for what the model saw in an image, so that other words are '
        'answered quickly; 0 keeps nothing (default: %(default)s)',
    )
    add_model_arguments(parser)
    SceneOptions.add_arguments(parser, without=('writing', 'crop', 'aoi'))


def run(args: argparse.Namespace) -> None:
    """Serve until the process is stopped.

    Args:
        args (argparse.Namespace): What :func:`add_arguments` declared.

    Raises:
        FileNotFoundError: If a scene or a file of the model is missing.
        ValueError: If arguments are wrong, the port is in use, or another
            server uses the output folder.
    """
    token = _token(args)
    if not args.inputs and not args.upload_limit:
        raise ValueError(
            'name a scene, or allow uploads with an --upload-limit above 0'
        )
    with _listen(args.host, args.port) as listener, lock_folder(_made(args)):
        predictor = predictor_of(args, args.device)
        app = make_server_app(args, predictor, token)
        address = _address(args.host, listener.getsockname()[1], token)
        logger.info('maps are kept in %s', args.out)
        logger.info('open %s   (Ctrl-C stops)', address)
        if args.open:
            threading.Timer(1.0, webbrowser.open, [address]).start()
        _server(app).run(sockets=[listener])


def make_server_app(
    args: argparse.Namespace, predictor: Predictor, token: str = ''
) -> Any:
    """The ASGI app of a command line; see :func:`.app.make_app`."""
    options = SceneOptions.from_args(args, predictor.tiling, predictor.scale)
    scenes = Scenes(
        args.inputs,
        args.out / 'uploads',
        options.bands,
        options.stretch,
        int(args.upload_limit * 2**20),
    )
    answerer = Answerer(
        predictor, scenes, options, int(args.memory * 2**30), args
    )
    title = args.model or args.checkpoint or args.config
    name = Path(title).name if title else 'training-free model'
    # Who has the token is no stranger, by whatever name.
    hosts = ['*'] if token else [*args.allow_host, args.host]
    return make_app(answerer, args.out, name, hosts, token)


class Shown:
    """A server that a notebook cell has started, shown below the cell.

    Attributes:
        url (str): Address of the page.
    """

    def __init__(self, server: uvicorn.Server, url: str, height: int) -> None:
        self.url = url
        self._server = server
        self._height = height

    def stop(self) -> None:
        """End the server; an unfinished map resumes at the next start."""
        self._server.should_exit = True

    def _repr_html_(self) -> str:
        return (
            f'<iframe src="{html.escape(self.url)}" width="100%" '
            f'height="{self._height}" style="border:1px solid #ccc" '
            'allow="clipboard-write"></iframe>'
        )


def show(
    *inputs: str | Path,
    proxy: str | None = None,
    height: int = 700,
    **options: Any,
) -> Shown:
    """Serve scenes from a notebook, and show the page below the cell.

    Args:
        *inputs (str | Path): Scenes, folders, globs.
        proxy (str | None): Prefix under which the notebook's own server
            passes ports on, such as '/user/anna/proxy'. None takes that of
            jupyter-server-proxy where JupyterHub runs the notebook, and else
            the page is asked for directly.
        height (int): Of the page in pixels.
        **options: Options of ``tools/serve.py``, such as
            `model='my-model'`, `gsd=0.3`, `out='maps'`.

    Returns:
        Shown: With `stop()`.

    Raises:
        FileNotFoundError: If a scene or a file of the model is missing.
        ValueError: If an option is unknown or wrong.

    Examples:
        >>> show('scene.tif', model='my-model')      # doctest: +SKIP
    """
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args([])
    unknown = options.keys() - vars(args).keys()
    if unknown:
        raise ValueError(
            f'unknown options {sorted(unknown)}; allowed are '
            f'{sorted(vars(args).keys() - {"inputs"})}'
        )
    vars(args).update(options, inputs=[str(path) for path in inputs])
    args.out = Path(args.out)
    hub = os.environ.get('JUPYTERHUB_SERVICE_PREFIX')
    if proxy is None and hub:
        proxy = f'{hub.rstrip("/")}/proxy'
    # Others use the machine of a hub as well.
    token = secrets.token_urlsafe(24) if proxy else ''
    listener = _listen('127.0.0.1', 0)
    port = listener.getsockname()[1]
    app = make_server_app(args, predictor_of(args, args.device), token)
    server = _server(app)
    ready = threading.Thread(
        target=server.run, kwargs={'sockets': [listener]}, daemon=True
    )
    ready.start()
    while ready.is_alive() and not server.started:
        time.sleep(0.02)
    url = f'http://127.0.0.1:{port}/'
    if proxy:
        url = f'{proxy.rstrip("/")}/{port}/?token={token}'
    return Shown(server, url, height)


def _server(app: Any) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(app, log_level='warning', timeout_graceful_shutdown=3)
    )


def _made(args: argparse.Namespace) -> Path:
    args.out.mkdir(parents=True, exist_ok=True)
    return args.out


def _token(args: argparse.Namespace) -> str:
    if args.token is None:
        if not is_loopback(args.host):
            raise ValueError(
                f'--host {args.host} lets other machines in: add --token, and '
                'give the address that is printed only to those who may use '
                'this machine'
            )
        return ''
    return args.token or secrets.token_urlsafe(24)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens; made first, so that nothing is loaded in vain."""
    try:
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ValueError(
                f'port {port} is in use, perhaps by another server; choose '
                'one with --port, or --port 0 for any that is free'
            ) from None
        raise ValueError(
            f'cannot listen at {host}:{port} ({error}); --host is an address '
            'of this machine, such as 127.0.0.1'
        ) from None
    return listener


def _address(host: str, port: int, token: str) -> str:
    shown = 'localhost' if host in ('0.0.0.0', '::') else host
    shown = f'[{shown}]' if ':' in shown else shown
    query = f'?token={token}' if token else ''
    return f'http://{shown}:{port}/{query}'
