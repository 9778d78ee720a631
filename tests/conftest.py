# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Fixtures that every test may use."""

import gc
import os
import socket
from pathlib import Path

# Read when huggingface_hub is imported: no retries where there is no network.
os.environ['HF_HUB_OFFLINE'] = '1'

import pytest

FIXTURES = ('fixtures.browser', 'fixtures.models', 'fixtures.scenes')
ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Import what tests need, except where tests are only handed out.

    With ``-n 2``, three processes load this file, and two of them run tests.
    """
    if getattr(config.option, 'dist', 'no') == 'no':
        for name in FIXTURES:
            config.pluginmanager.import_plugin(name)
        gc.freeze()  # what was imported is no garbage


def pytest_collection_finish() -> None:
    """Keep mmengine's frequent gc.collect() from what stays until the end."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let the interpreter clean up as usual."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that asks for anything outside this machine fails at once."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host not in (None, 'localhost', '127.0.0.1', '::1'):
            raise OSError(f'tests have no network; asked for {address}')
        connect(self, address)

    monkeypatch.setattr(socket.socket, 'connect', local_only)


@pytest.fixture
def root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture
def shared_dir() -> Path:
    """Real imagery and golden tensors next to the checkout, where present."""
    folder = ROOT.parent / 'shared'
    if not folder.is_dir():
        pytest.skip('no folder of real imagery next to the checkout')
    return folder
