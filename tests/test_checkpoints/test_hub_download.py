# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A model of the hub, by huggingface_hub itself, from a server on loopback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from data.hub_server import serve_model

from aeroseg.checkpoints.model_card import Facts
from aeroseg.checkpoints.model_folder import write_model_folder
from aeroseg.checkpoints.read import read_checkpoint, weights_of
from aeroseg.read_config import read_config
from aeroseg.vocabulary import Vocabulary

SCRIPT = """
import sys
from aeroseg.apis import Predictor
found = Predictor.from_pretrained(sys.argv[1], device='cpu')
print(found.trained.names, found.gsd)
"""


def open_by_name(name: str, endpoint: str, home: Path) -> tuple[int, str]:
    """Status and output of a process that asks for a model."""
    environment = {
        **os.environ,
        'HF_ENDPOINT': endpoint,
        'HF_HOME': str(home),
        'HF_HUB_OFFLINE': '0',
        'PYTHONPATH': os.pathsep.join(sys.path),
    }
    ended = subprocess.run(
        [sys.executable, '-c', SCRIPT, name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=home.parent,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.slow
def test_a_model_is_downloaded_once(
    tiny_files: dict[str, Path], tmp_path: Path
) -> None:
    words = Vocabulary(('road', 'tree', 'water'))
    weights = weights_of(read_checkpoint(tiny_files['checkpoint']))
    config = read_config(tiny_files['config'])
    folder = tmp_path / 'model'
    write_model_folder(weights, config, words, folder, Facts('m', gsd=0.5))
    # Nothing else of the repository is fetched, and no pickle.
    (folder / 'training_args.bin').write_bytes(b'\x80\x04.')
    home = tmp_path / 'home'
    home.mkdir()
    with serve_model(folder, 'anna/town') as (endpoint, asked):
        status, said = open_by_name('anna/town', endpoint, home)
        assert status == 0, said
        assert "('road', 'tree', 'water') 0.5" in said
        files = {path.rpartition('/')[2] for path in asked if 'res' in path}
        assert 'model.safetensors' in files
        assert 'training_args.bin' not in files
        before = len([path for path in asked if 'safetensors' in path])
        status, said = open_by_name('anna/town', endpoint, home)
        assert status == 0, said
        after = len([path for path in asked if 'safetensors' in path])
        assert after == before
        status, said = open_by_name('anna/other', endpoint, home)
    assert status == 1
    assert 'there is no model folder anna/other' in said
