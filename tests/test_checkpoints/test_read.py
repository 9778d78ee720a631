# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Weight files of every kind are read without unpickling."""

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from safetensors.torch import save_file
from tool_process import run_tool
from torch import Tensor, nn

from aeroseg.checkpoints.read import (
    existing_file,
    read_checkpoint,
    read_weights,
)

STATE = {'w': torch.arange(6000.0), 'deep.b': torch.ones(2, dtype=torch.half)}


class Archive(nn.Module):
    """Two buffers, to be saved by torch.jit as OpenAI saved CLIP."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('w', STATE['w'])
        self.deep = nn.Module()
        self.deep.register_buffer('b', STATE['deep.b'])

    def forward(self, x: Tensor) -> Tensor:
        return x


def mmengine(path: Path) -> None:
    buffer = HistoryBuffer()
    buffer.update(np.float64(3.0), 2)
    content = {
        'state_dict': STATE,
        'message_hub': {'log_scalars': {'loss': buffer}},
        'meta': {'iter': 3, 'seed': np.int64(3)},
    }
    torch.save(content, path)


def open_clip(path: Path) -> None:
    state = {f'module.{name}': value for name, value in STATE.items()}
    torch.save({'epoch': 3, 'name': 'run', 'state_dict': state}, path)


def openai(path: Path) -> None:
    torch.jit.script(Archive()).save(path)


def detectron2(path: Path) -> None:
    arrays = {name: value.numpy() for name, value in STATE.items()}
    torch.save({'model': arrays, 'iteration': 7}, path)


def plain(path: Path) -> None:
    torch.save(STATE, path)


def legacy(path: Path) -> None:
    torch.save(STATE, path, _use_new_zipfile_serialization=False)


def safetensors(path: Path) -> None:
    save_file(STATE, path)


KINDS = {
    'iter_3.pth': mmengine,
    'open_clip.pt': open_clip,
    'ViT-B-16.pt': openai,
    'model_final.pth': detectron2,
    'plain.pth': plain,
    'legacy.pth': legacy,
    'a.safetensors': safetensors,
}
every_kind = pytest.mark.parametrize(
    ('name', 'write'), KINDS.items(), ids=KINDS
)


@every_kind
def test_every_kind_gives_the_same_tensors(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / name)
    weights = read_weights(tmp_path / name)
    assert weights.keys() == STATE.keys()
    for key, value in STATE.items():
        assert weights[key].dtype == value.dtype
        assert torch.equal(weights[key], value)


@every_kind
@pytest.mark.parametrize('part', [0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off(
    tmp_path: Path, name: str, write: Callable[[Path], None], part: float
) -> None:
    path = tmp_path / name
    write(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match=r'is cut off \(.+\): .* Get one\.$'):
        read_checkpoint(path, advice='Get one.')


def test_a_checkpoint_of_mmengine_keeps_its_log(tmp_path: Path) -> None:
    mmengine(tmp_path / 'iter_3.pth')
    content = read_checkpoint(tmp_path / 'iter_3.pth')
    assert content['meta']['seed'] == 3
    history = content['message_hub']['log_scalars']['loss']
    assert history.mean() == 1.5


@every_kind
def test_mmengine_reads_local_files_here(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / name)
    content = CheckpointLoader.load_checkpoint(str(tmp_path / name))
    assert content.keys() == read_checkpoint(tmp_path / name).keys()


class Trap:
    def __reduce__(self) -> tuple:
        return (open, ('trap.txt', 'w'))


@pytest.fixture(params=['zip', 'legacy', 'tensor name', 'model'])
def malicious(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A file with an object in it; the trap would leave trap.txt here."""
    monkeypatch.chdir(tmp_path)
    kind, path = request.param, tmp_path / 'x.pth'
    if kind == 'model':
        torch.save(nn.Linear(2, 2), path)
    elif kind == 'tensor name':
        torch.save({'state_dict': {'w': Trap()}}, path)
    else:
        content = {'state_dict': STATE, 'x': Trap()}
        zipped = kind == 'zip'
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def test_code_in_a_file_is_refused_and_never_run(malicious: Path) -> None:
    message = r'holds more than weights \(.+\) and is not unpickled'
    for read in (read_checkpoint, CheckpointLoader.load_checkpoint):
        with pytest.raises(ValueError, match=message):
            read(str(malicious))
    assert not Path('trap.txt').exists()


def test_a_trap_dressed_as_a_torchscript_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile('x.pt', 'w') as archive:
        for name in ('constants.pkl', 'data.pkl'):
            archive.writestr(f'x/{name}', pickle.dumps(Trap(), 2))
        archive.writestr('x/version', '3')
    with pytest.raises(ValueError, match='is not a checkpoint'):
        read_checkpoint('x.pt')
    assert not Path('trap.txt').exists()


def test_the_trap_would_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Trap())).close()
    assert Path('trap.txt').exists()


def test_a_missing_file(tmp_path: Path) -> None:
    for read in (existing_file, read_checkpoint, read_weights):
        with pytest.raises(
            FileNotFoundError, match=r'no checkpoint .*none\.pth\. Get one\.$'
        ):
            read(tmp_path / 'none.pth', advice='Get one.')
    with pytest.raises(FileNotFoundError, match=r'tools/train\.py writes'):
        read_checkpoint(tmp_path)  # a folder is no file


@pytest.mark.parametrize('content', [b'hello', b'<html>', b'\0' * 4000])
def test_a_file_of_another_kind(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'x.pth'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'x\.pth is not a checkpoint'):
        read_checkpoint(path)


def test_a_file_without_names(tmp_path: Path) -> None:
    torch.save([torch.ones(1)], tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='holds a list, not tensors by name'):
        read_checkpoint(tmp_path / 'x.pth')


def test_memory_that_runs_out_is_no_fault_of_the_file(tmp_path: Path) -> None:
    torch.save({'w': torch.zeros(2**25)}, tmp_path / 'x.pth')  # 128 MiB
    script = tmp_path / 'read.py'
    script.write_text(
        'import resource, sys\n'
        'from pathlib import Path\n'
        'from aeroseg.checkpoints.read import read_checkpoint\n'
        'pages = int(Path("/proc/self/statm").read_text().split()[0])\n'
        'limit = pages * resource.getpagesize() + 2**26\n'
        'resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n'
        'read_checkpoint(sys.argv[1])\n'
    )
    done = run_tool(str(script), tmp_path / 'x.pth')
    error = done.err.strip().splitlines()[-1]
    assert "can't allocate memory" in error or error == 'MemoryError', error
    assert 'not a checkpoint' not in done.err


def flip(path: Path, place: int) -> None:
    """Turn the bits of one byte."""
    content = bytearray(path.read_bytes())
    content[place] ^= 0x55
    path.write_bytes(content)


@pytest.mark.parametrize('place', [0.2, 0.5, 0.8])
def test_flipped_bits_are_found_by_the_checksums(
    tmp_path: Path, place: float
) -> None:
    path = tmp_path / 'iter_4.pth'
    torch.save({'state_dict': STATE}, path)
    flip(path, int(place * path.stat().st_size))
    with pytest.raises(ValueError, match=r'iter_4\.pth is '):
        read_checkpoint(path)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_weights_that_are_not_finite_are_refused(
    tmp_path: Path, value: float, suffix: str
) -> None:
    path = tmp_path / f'diverged{suffix}'
    state = {**STATE, 'bad': torch.tensor([1.0, value])}
    if suffix == '.pth':
        torch.save({'state_dict': state}, path)
    else:
        save_file(state, path)
    with pytest.raises(ValueError, match=r"not finite .* in 'bad'"):
        read_checkpoint(path)


def test_large_sums_and_masks_are_no_fault(tmp_path: Path) -> None:
    state = {
        'large': torch.full((4,), 3e38),
        'clip.attn_mask': torch.full((2, 2), float('-inf')),
        'count': torch.tensor([2**60]),
    }
    torch.save(state, tmp_path / 'a.pth')
    assert read_weights(tmp_path / 'a.pth').keys() == state.keys()


@pytest.mark.parametrize('content', [{}, {'meta': {}}, {'state_dict': {}}])
def test_a_file_without_tensors_is_refused(
    tmp_path: Path, content: dict
) -> None:
    torch.save(content, tmp_path / 'empty.pth')
    with pytest.raises(ValueError, match='no tensors among'):
        read_checkpoint(tmp_path / 'empty.pth')
