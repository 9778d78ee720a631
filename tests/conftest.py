# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Fixtures that every test may use."""

import socket
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _deterministic() -> None:
    torch.manual_seed(0)


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
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')


@pytest.fixture
def root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture
def shared_dir() -> Path:
    """Real imagery and golden tensors beside the checkout, where present."""
    folder = ROOT.parent / 'shared'
    if not folder.is_dir():
        pytest.skip('no folder of real imagery beside the checkout')
    return folder
