# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import signal
from pathlib import Path

import pytest
import torch
from tool_process import run_ranks

from aeroseg.errors import explain_partner, is_out_of_memory, reason


def test_the_reason_is_the_first_cause() -> None:
    assert reason(OSError(28, 'No space left on device')) == (
        'No space left on device'
    )
    assert reason(ValueError('wrong.')) == 'wrong'
    error = OSError('Read failed. See previous exception for details.')
    error.__cause__ = RuntimeError('tile 3 is damaged')
    assert reason(error) == 'tile 3 is damaged'


@pytest.mark.parametrize(
    ('error', 'is_memory'),
    [
        (MemoryError(), True),
        (MemoryError('Unable to allocate 3.2 GiB for an array'), True),
        (torch.OutOfMemoryError('CUDA out of memory. Tried to'), True),
        (MemoryError('one window does not fit; choose a smaller one'), False),
        (RuntimeError('shapes do not match'), False),
        (ValueError('out of memory'), False),
    ],
)
def test_what_counts_as_out_of_memory(
    error: Exception, is_memory: bool
) -> None:
    assert is_out_of_memory(error) is is_memory


def test_the_cpu_allocator_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**58, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


PARTNER = """
import os, signal, sys, time
import torch
from torch import distributed
from aeroseg.errors import explain_partner, remember_partners
distributed.init_process_group('gloo')
remember_partners()
if distributed.get_rank() == 1:
    os.kill(os.getpid(), signal.SIGKILL)
try:
    while True:
        distributed.all_reduce(torch.ones(1))
except RuntimeError as error:
    time.sleep(1)
    print(explain_partner(error), flush=True)
os._exit(0)
"""


def test_a_killed_partner_is_named(tmp_path: Path) -> None:
    script = tmp_path / 'partner.py'
    script.write_text(PARTNER)
    first, second = run_ranks(script, size=2)
    assert second.wait().status == -signal.SIGKILL
    out = first.wait().out
    assert (
        f'rank 1 (process {second.process.pid}) ended before the others' in out
    )


def test_other_failures_are_no_lost_partner() -> None:
    assert explain_partner(RuntimeError('shapes do not match')) is None
    assert explain_partner(OSError('Broken pipe')) is None
