# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import pytest
import torch

from aeroseg.models import JBUUpsampler


@pytest.mark.parametrize('kind', ['jbu_one', 'jbu_stack'])
@pytest.mark.parametrize('grid', [(3, 3), (4, 5)])
def test_features_become_16_times_as_large(
    kind: str, grid: tuple[int, int]
) -> None:
    upsampler = JBUUpsampler(6, kind)
    assert min(grid) >= upsampler.min_cells
    image = torch.rand(2, 3, 14 * grid[0], 14 * grid[1])
    found = upsampler(torch.rand(2, 6, *grid), image)
    assert found.shape == (2, 6, 16 * grid[0], 16 * grid[1])


def test_an_image_does_not_depend_on_the_others_of_its_batch() -> None:
    upsampler = JBUUpsampler(6)
    source, image = torch.rand(2, 6, 3, 4), torch.rand(2, 3, 48, 64)
    both = upsampler(source, image)
    alone = upsampler(source[1:], image[1:])
    torch.testing.assert_close(both[1:], alone, rtol=0, atol=1e-5)


def test_the_shared_step_has_one_set_of_weights() -> None:
    one, stack = JBUUpsampler(6), JBUUpsampler(6, 'jbu_stack')
    assert len(one.state_dict()) == 12
    assert len(stack.state_dict()) == 42
    assert (one.up.side, stack.up1.side) == (11, 7)


def test_nothing_is_trained() -> None:
    upsampler = JBUUpsampler(6).train()
    assert not upsampler.fixup_proj[0].training
    assert not any(p.requires_grad for p in upsampler.parameters())


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="'jbu_one' and 'jbu_stack'"):
        JBUUpsampler(6, 'carafe')
