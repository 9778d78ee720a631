# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Linear layers by oneDNN, on any x86 processor, against PyTorch's."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from aeroseg import acceleration as module
from aeroseg.acceleration import accelerated

AVX512 = torch.backends.cpu.get_cpu_capability() == 'AVX512'
needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason='PyTorch without oneDNN'
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[torch.dtype]:
    """Types of the layers that oneDNN computes, as with AVX-512."""
    done = []
    original = module._onednn_linear

    def recorded(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        done.append(x.dtype)
        return original(x, weight, bias)

    capability = torch.backends.cpu
    monkeypatch.setattr(capability, 'get_cpu_capability', lambda: 'AVX512')
    monkeypatch.setattr(module, '_onednn_linear', recorded)
    return done


@needs_onednn
@pytest.mark.parametrize('shape', [(100, 6), (1, 99, 6), (2, 3, 40, 6)])
@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('trained', [True, False])
def test_equals_torch_with_gradients(
    shape: tuple[int, ...],
    bias: bool,
    trained: bool,
    calls: list[torch.dtype],
) -> None:
    x = torch.randn(shape, requires_grad=True)
    weight = torch.randn(5, 6, requires_grad=trained)
    offset = torch.randn(5, requires_grad=True) if bias else None
    given = [t for t in (x, weight, offset) if t is not None]
    exact = [t.detach().double().requires_grad_() for t in given]
    expected = F.linear(*exact)
    with accelerated():
        actual = F.linear(x, weight, offset)
    assert calls == [torch.float32]
    torch.testing.assert_close(actual.double(), expected, rtol=0, atol=1e-5)
    cotangent = torch.randn_like(actual)
    actual.backward(cotangent)
    expected.backward(cotangent.double())
    for ours, theirs in zip(given, exact, strict=True):
        if not ours.requires_grad:
            continue
        assert ours.grad is not None
        torch.testing.assert_close(
            ours.grad.double(), theirs.grad, rtol=1e-5, atol=1e-4
        )


@needs_onednn
def test_gradient_of_a_sum(calls: list[torch.dtype]) -> None:
    """It comes as one number that stands for all."""
    x = torch.randn(100, 6, requires_grad=True)
    weight = torch.randn(5, 6)
    with accelerated():
        F.linear(x, weight).sum().backward()
    torch.testing.assert_close(x.grad, weight.sum(0).expand(100, -1))


@needs_onednn
def test_takes_tensors_that_are_not_contiguous(
    calls: list[torch.dtype],
) -> None:
    weight, wide = torch.randn(5, 6), torch.randn(5, 20)
    tokens = torch.randn(2, 6, 70).mT, torch.randn(1, 6).expand(70, 6)
    for x in tokens:
        for part in (weight, wide[:, :6], wide[:, 14:]):
            with accelerated():
                actual = F.linear(x, part)
            torch.testing.assert_close(
                actual, F.linear(x, part), rtol=1e-5, atol=1e-5
            )
    assert len(calls) == 6


@needs_onednn
def test_a_frozen_weight_keeps_no_input(calls: list[torch.dtype]) -> None:
    sizes: list[int] = []
    x = torch.randn(100, 8, requires_grad=True)
    for trained in (False, True):
        weight = torch.randn(6, 8, requires_grad=trained)
        with (
            torch.autograd.graph.saved_tensors_hooks(
                lambda tensor: sizes.append(tensor.numel()), lambda _: None
            ),
            accelerated(),
        ):
            F.linear(x, weight)
    assert sorted(sizes) == [48, 48, 800]


@needs_onednn
def test_float32_is_as_exact_as_torch(calls: list[torch.dtype]) -> None:
    x, weight = torch.randn(600, 512), torch.randn(256, 512) / 512**0.5
    exact = F.linear(x.double(), weight.double())
    with accelerated():
        assert (F.linear(x, weight) - exact).abs().max() < 2e-5


@pytest.mark.parametrize(
    ('rows', 'dtype', 'device'),
    [
        (4, torch.float32, 'cpu'),
        (100, torch.double, 'cpu'),
        (100, torch.float32, 'meta'),
    ],
)
def test_leaves_the_rest_to_torch(
    rows: int, dtype: torch.dtype, device: str, calls: list[torch.dtype]
) -> None:
    x = torch.empty(rows, 8, dtype=dtype, device=device)
    weight = torch.empty(3, 8, dtype=dtype, device=device)
    with accelerated():
        assert F.linear(x, weight).shape == (rows, 3)
        assert F.linear(x[0], weight).shape == (3,)
    assert calls == []


def test_leaves_a_wrong_type_to_torch(calls: list[torch.dtype]) -> None:
    with accelerated(), pytest.raises(RuntimeError, match='same dtype'):
        F.linear(torch.randn(100, 8), torch.randn(3, 8).half())
    assert calls == []


@pytest.mark.skipif(not AVX512, reason='bfloat16 by oneDNN needs AVX-512')
@pytest.mark.parametrize('records', [True, False])
def test_autocast(records: bool, calls: list[torch.dtype]) -> None:
    x, weight = torch.randn(100, 8), torch.randn(3, 8)
    weight.requires_grad_(records)
    with torch.autocast('cpu', torch.bfloat16), accelerated():
        out = F.linear(x, weight)
    assert out.dtype is torch.bfloat16
    assert out.requires_grad == records
    assert calls == ([] if records else [torch.bfloat16])
    expected = F.linear(x, weight)
    assert (out - expected).norm() < 0.01 * expected.norm()


@needs_onednn
def test_reaches_every_linear_layer_of_a_model(
    calls: list[torch.dtype],
) -> None:
    net = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    net.eval()
    x = torch.randn(2, 50, 8, requires_grad=True)
    expected = net(x)
    with accelerated():
        actual = net(x)
    assert len(calls) == 4  # attention: into q, k and v, and out of it
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


@needs_onednn
def test_contexts_may_overlap(calls: list[torch.dtype]) -> None:
    plain, first, second = F.linear, accelerated(), accelerated()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert F.linear is not plain
    second.__exit__(None, None, None)
    assert F.linear is plain


@needs_onednn
def test_recomputed_activations(calls: list[torch.dtype]) -> None:
    net = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))
    x = torch.randn(100, 8, requires_grad=True)
    net(x).sum().backward()
    expected = x.grad.clone()
    x.grad = None
    with accelerated():
        checkpoint(net, x, use_reentrant=False).sum().backward()
    assert len(calls) > 2
    torch.testing.assert_close(x.grad, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('enabled', [True, False])
def test_off_where_it_does_not_help(
    enabled: bool, calls: list[torch.dtype], monkeypatch: pytest.MonkeyPatch
) -> None:
    if enabled:
        monkeypatch.setattr(
            torch.backends.cpu, 'get_cpu_capability', lambda: 'AVX2'
        )
    with accelerated(enabled):
        F.linear(torch.randn(100, 8), torch.randn(3, 8))
    assert calls == []


@needs_onednn
def test_is_kept_by_export_and_compile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """torch.compile would have MKL compute the layers without the operator."""
    monkeypatch.setattr(
        torch.backends.cpu, 'get_cpu_capability', lambda: 'AVX512'
    )
    net, x = nn.Linear(8, 6), torch.randn(100, 8)
    graphs: list[str] = []

    def backend(
        graph: torch.fx.GraphModule, _: object
    ) -> torch.fx.GraphModule:
        graphs.append(graph.code)
        return graph

    compiled = torch.compile(net, backend=backend, fullgraph=True)
    with accelerated():
        actual = compiled(x)
        exported = torch.export.export(net, (x,))
    assert 'torch.ops.aeroseg.linear' in graphs[0]
    assert 'torch.ops.aeroseg.linear' in exported.graph_module.code
    for out in (actual, exported.module()(x)):
        torch.testing.assert_close(out, net(x), rtol=1e-5, atol=1e-5)
    plain = torch.export.export(net, (x,))
    assert 'aeroseg' not in plain.graph_module.code
