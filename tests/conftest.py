# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Fixtures that every test may use."""

import gc
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Read when huggingface_hub is imported: no retries where there is no network.
os.environ['HF_HUB_OFFLINE'] = '1'

import plain_configs  # noqa: F401
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from aeroseg.models import AerOSeg

pytest_plugins = ('fixtures.browser', 'fixtures.scenes')

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_finish() -> None:
    """Keep mmengine's frequent gc.collect() from what stays until the end."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let the interpreter clean up as usual."""
    gc.unfreeze()


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


@pytest.fixture
def tiny_config(root: Path) -> Config:
    """Config with the tiny model; change it at will."""
    path = root / 'configs' / '_base_' / 'models' / 'aeroseg_tiny.py'
    return Config.fromfile(path)


@pytest.fixture
def build_tiny(tiny_config: Config) -> Callable[..., AerOSeg]:
    """Build the tiny model for some classes, in eval mode."""

    def build(names: Sequence[str] = ('road', 'tree'), **changes: Any) -> Any:
        tiny_config.merge_from_dict(
            {f'model.{key}': value for key, value in changes.items()}
        )
        tiny_config.model.vocabulary = {'names': tuple(names)}
        return MODELS.build(tiny_config.model).eval()

    return build
