# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Text features of vocabularies."""

import open_clip
import pytest
import torch
import torch.nn.functional as F
from open_clip.model import _build_text_tower

from aeroseg.models import OpenCLIPTextEncoder

CLIP = {
    'embed_dim': 16,
    'text_cfg': {'width': 32, 'heads': 2, 'layers': 2},
}
ROADS = (('road',), ('tree',), ('storage_tank',))


def make(**changes: object) -> OpenCLIPTextEncoder:
    config = {'model': CLIP, **changes}
    return OpenCLIPTextEncoder(**config).eval()


@torch.no_grad()
def test_equals_open_clip_with_all_77_tokens() -> None:
    encoder = make()
    tower = _build_text_tower(16, CLIP['text_cfg']).eval()
    encoder.text.load_state_dict(tower.state_dict())
    features = encoder(ROADS)
    words = ('road', 'tree', 'storage tank')
    sentences = [t.format(w) for w in words for t in encoder.templates]
    expected = F.normalize(tower(open_clip.tokenize(sentences)), dim=-1)
    torch.testing.assert_close(
        features, expected.view(3, 4, 16), rtol=1e-5, atol=1e-5
    )


@torch.no_grad()
def test_synonyms_have_equal_weight() -> None:
    encoder = make()
    both = encoder((('road', 'street'), ('tree',)))
    alone = encoder((('road',), ('street',), ('tree',)))
    expected = F.normalize(alone[0] + alone[1], dim=-1)
    torch.testing.assert_close(both[0], expected)
    torch.testing.assert_close(both[1], alone[2])


@torch.no_grad()
def test_a_name_that_does_not_fit_in_the_context_is_refused() -> None:
    encoder = make(templates=['a photo of {}'])
    fits = ' '.join(['road'] * 72)
    assert encoder(((fits,), ('tree',))).isfinite().all()
    with pytest.raises(ValueError, match='has 78 tokens, this CLIP reads 77'):
        encoder(((fits + ' road',), ('tree',)))


@torch.no_grad()
def test_order_and_chunks_change_nothing() -> None:
    encoder = make(chunk=1)
    whole = make()
    whole.load_state_dict(encoder.state_dict())
    turned = whole(ROADS[::-1]).flip(0)
    torch.testing.assert_close(encoder(ROADS), turned)


@torch.no_grad()
def test_another_vocabulary_never_reuses_old_text() -> None:
    encoder = make()
    first = encoder((('road',),))
    second = encoder((('tree',),))
    assert (first - second).abs().max() > 1e-3
    assert encoder((('road',),)) is first  # computed once


def test_text_after_a_training_step_is_never_stale() -> None:
    encoder = make()
    with torch.no_grad():
        before = encoder(ROADS).clone()
    trained = [p for p in encoder.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=0.1)
    encoder.train()
    encoder(ROADS)[..., 0].sum().backward()
    optimiser.step()
    encoder.eval()
    with torch.no_grad():
        after = encoder(ROADS)
    assert (after - before).abs().max() > 1e-3


def test_weights_changed_in_eval_mode_are_noticed() -> None:
    """As an optimiser or load_state_dict would, without train()."""
    encoder = make()
    with torch.no_grad():
        before = encoder(ROADS).clone()
        state = {k: v + 0.1 for k, v in encoder.state_dict().items()}
        encoder.load_state_dict(state)
        assert (encoder(ROADS) - before).abs().max() > 1e-3


def test_gradients_reach_q_and_v_alone() -> None:
    encoder = make().train()
    encoder(ROADS).square()[..., 0].sum().backward()
    named = dict(encoder.named_parameters())
    trained = {n for n, p in named.items() if p.requires_grad}
    assert trained
    assert trained == {n for n, p in named.items() if p.grad is not None}
    assert all(n.endswith(('q_proj_weight', 'v_proj_weight')) for n in trained)


@torch.no_grad()
def test_a_frozen_tower_is_run_once_in_training() -> None:
    encoder = make(trainable='none').train()
    with torch.enable_grad():
        first = encoder(ROADS)
        assert encoder(ROADS) is first
        assert encoder.train()(ROADS) is first  # as before every step


@torch.no_grad()
def test_many_vocabularies_do_not_pile_up() -> None:
    encoder = make()
    for index in range(20):
        encoder(((f'word {index}',),))
    assert len(encoder._store) <= 8


def test_a_tower_without_causal_mask_is_refused() -> None:
    config = {**CLIP, 'text_cfg': {**CLIP['text_cfg'], 'no_causal_mask': True}}
    with pytest.raises(ValueError, match='causal'):
        make(model=config)
