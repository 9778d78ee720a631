# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""SAN: equal to mmseg's, with any vocabulary."""

from pathlib import Path
from typing import Any

import pytest
import torch
from data.short_run import short_world_run
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.models.backbones import VisionTransformer
from mmseg.models.decode_heads.san_head import (
    SideAdapterCLIPHead,
)
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from aeroseg.apis import Predictor
from aeroseg.models import SAN
from aeroseg.models.layers.clip_pretrained import read_clip
from aeroseg.read_config import read_config
from aeroseg.vocabulary import Vocabulary

CLIP = {
    'embed_dim': 32,
    'quick_gelu': True,
    'vision_cfg': {
        'image_size': 64,
        'patch_size': 16,
        'width': 64,
        'layers': 4,
        'head_width': 32,
    },
    'text_cfg': {'width': 32, 'heads': 2, 'layers': 2},
}
HEAD = {
    'type': 'SideAdapterHead',
    'num_queries': 10,
    'embed_dims': 48,
    'num_layers': 4,
    'num_heads': 4,
    'mask_dims': 16,
    'supervised': (3,),
    'num_points': 64,
}
NAMES = ('ship', 'harbor', 'plane')


@pytest.fixture
def system() -> SAN:
    init_default_scope('mmseg')
    text = {
        'type': 'OpenCLIPTextEncoder',
        'model': CLIP,
        'templates': 'vild',
        'trainable': 'none',
    }
    model = SAN(
        {'type': 'SplitCLIP', 'model': CLIP, 'stride': 32},
        text,
        HEAD,
        vocabulary={'names': NAMES},
    )
    model.init_weights()
    return model.eval()


def block_to_mmseg(name: str, own: dict[str, Tensor], deep: bool) -> dict:
    """One block of CLIP under mmseg's names; two ways to write them."""
    norms = ('norms.0', 'norms.1') if deep else ('ln1', 'ln2')
    attention = 'attentions.0.attn' if deep else 'attn.attn'
    ffn = 'ffns.0' if deep else 'ffn'
    weights = [own[f'{name}.attn.{p}_proj_weight'] for p in 'qkv']
    state = {
        f'{attention}.in_proj_weight': torch.cat(weights),
        f'{attention}.in_proj_bias': own[f'{name}.attn.in_proj_bias'],
    }
    for kind in ('weight', 'bias'):
        for there, here in (
            (norms[0], 'ln_1'),
            (norms[1], 'ln_2'),
            (f'{attention}.out_proj', 'attn.out_proj'),
            (f'{ffn}.layers.0.0', 'mlp.c_fc'),
            (f'{ffn}.layers.1', 'mlp.c_proj'),
        ):
            state[f'{there}.{kind}'] = own[f'{name}.{here}.{kind}']
    return state


def build_mmseg(system: SAN) -> tuple[VisionTransformer, SideAdapterCLIPHead]:
    """mmseg's encoder and head with the same weights."""
    encoder = VisionTransformer(
        img_size=(64, 64),
        patch_size=16,
        embed_dims=64,
        num_layers=3,
        num_heads=2,
        mlp_ratio=4,
        out_origin=True,
        out_indices=(0, 1, 2),
        with_cls_token=True,
        output_cls_token=True,
        patch_bias=False,
        pre_norm=True,
        norm_cfg={'type': 'LN', 'eps': 1e-5},
        act_cfg={'type': 'QuickGELU'},
        interpolate_mode='bicubic',
    )
    network = {
        'in_channels': 3,
        'clip_channels': 64,
        'embed_dims': 48,
        'patch_size': 16,
        'num_queries': 10,
        'cfg_encoder': {
            'num_encode_layer': 4,
            'num_heads': 4,
            'mlp_ratio': 4,
        },
        'fusion_index': [0, 1, 2, 3],
        'cfg_decoder': {
            'num_heads': 2,
            'num_layers': 1,
            'embed_channels': 16,
            'mlp_channels': 16,
            'num_mlp': 3,
            'rescale': True,
        },
        'norm_cfg': {'type': 'LN', 'eps': 1e-6},
    }
    recognition = {
        'sos_token_num': 10,
        'num_layers': 1,
        'embed_dims': 64,
        'num_heads': 2,
        'out_dims': 32,
        'act_cfg': {'type': 'QuickGELU'},
    }
    head = SideAdapterCLIPHead(
        num_classes=3,
        san_cfg=ConfigDict(network),
        maskgen_cfg=ConfigDict(recognition),
        deep_supervision_idxs=[3],
        train_cfg=None,
    )
    own = {
        k.removeprefix('visual.'): v
        for k, v in system.backbone.state_dict().items()
    }
    state = {
        'cls_token': own['class_embedding'][None, None],
        'pos_embed': own['positional_embedding'][None],
        'patch_embed.projection.weight': own['conv1.weight'],
        'ln_pre.weight': own['ln_pre.weight'],
        'ln_pre.bias': own['ln_pre.bias'],
    }
    for i in range(3):
        block = block_to_mmseg(f'transformer.resblocks.{i}', own, False)
        state |= {f'layers.{i}.{k}': v for k, v in block.items()}
    encoder.load_state_dict(state)
    deep = block_to_mmseg('transformer.resblocks.3', own, True)
    head.rec_with_attnbias.load_state_dict(
        {
            **{f'layers.0.{k}': v for k, v in deep.items()},
            'ln_post.weight': own['ln_post.weight'],
            'ln_post.bias': own['ln_post.bias'],
            'proj.weight': own['proj'].T,
        }
    )
    side = system.decode_head.side_adapter_network.state_dict()
    head.side_adapter_network.load_state_dict(side)
    encoder.eval()  # returns nothing
    return encoder, head.eval()


@pytest.mark.parametrize('size', [(128, 128), (64, 192)])
@torch.no_grad()
def test_it_is_the_network_of_mmseg(
    system: SAN, size: tuple[int, int]
) -> None:
    encoder, head = build_mmseg(system)
    images = 255 * torch.rand(2, 3, *size)
    x = system.backbone.normalise(images)
    half = torch.nn.functional.interpolate(
        x, scale_factor=0.5, mode='bilinear'
    )
    inputs = [x, encoder(half), system._word_features()]
    metas = [{'img_shape': size, 'pad_shape': size}] * 2
    expected = head.predict(inputs, metas, None)
    assert torch.allclose(system.class_logits(images), expected, atol=1e-5)
    masks, logits = system.forward_queries(images, every=True)
    theirs = head(inputs, [3])
    for mine, other in zip((masks, logits), theirs, strict=True):
        for a, b in zip(mine, other, strict=True):
            assert torch.allclose(a, b, atol=1e-4)


def make_samples(labels: Tensor) -> list[SegDataSample]:
    samples = []
    for label in labels:
        sample = SegDataSample()
        sample.gt_sem_seg = PixelData(data=label[None])
        samples.append(sample)
    return samples


@pytest.mark.parametrize('empty', [(), (0,), (0, 1)])
def test_a_step_trains_what_san_trains(
    system: SAN, empty: tuple[int, ...]
) -> None:
    labels = torch.randint(0, 3, (2, 128, 128))
    labels[:, :40] = 255
    for index in empty:
        labels[index] = 255  # a tile without a seen pixel
    images = 255 * torch.rand(2, 3, 128, 128)
    losses = system.train().loss(images, make_samples(labels))
    assert set(losses) == {
        f'decode.{layer}loss_{kind}'
        for layer in ('', 'd3.')
        for kind in ('cls_ce', 'mask_ce', 'mask_dice')
    }
    assert all(torch.isfinite(loss) for loss in losses.values())
    sum(losses.values()).backward()
    trained = {n for n, p in system.named_parameters() if p.requires_grad}
    moved = {n for n, p in system.named_parameters() if p.grad is not None}
    assert trained == moved
    parts = {name.split('.')[0] for name in trained}
    assert parts == {'backbone', 'decode_head', 'no_class'}


def test_masks_are_learned(system: SAN) -> None:
    # Not the classes: a CLIP with random weights cannot tell them apart.
    labels = torch.zeros(1, 128, 128, dtype=torch.long)
    labels[:, 64:] = 2
    images = torch.full((1, 3, 128, 128), 30.0)
    images[:, :, 64:] = 220
    trained = [p for p in system.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=2e-3)
    course = []
    for _ in range(40):
        losses = system.train().loss(images, make_samples(labels))
        course.append(float(losses['decode.loss_mask_dice'].detach()))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    assert course[-1] < course[0] / 5


@pytest.mark.parametrize('names', [('ship',), tuple('abcdefgh')])
def test_any_words_at_any_time(system: SAN, names: tuple[str, ...]) -> None:
    images = 255 * torch.rand(1, 3, 70, 50)
    before = system.class_logits(images)
    system.set_vocabulary(Vocabulary(names, contrast=('sky',)))
    logits = system.class_logits(images)
    assert logits.shape == (1, len(names) + 1, 70, 50)
    (result,) = system.predict(images)
    assert result.pred_sem_seg.data.shape == (1, 70, 50)
    system.set_vocabulary(Vocabulary(NAMES))
    assert torch.equal(system.class_logits(images), before)


def test_training_after_another_vocabulary(system: SAN) -> None:
    system.set_vocabulary(Vocabulary(tuple('abcde')))
    system.class_logits(torch.rand(1, 3, 64, 64))
    labels = torch.randint(0, 5, (1, 64, 64))
    images = 255 * torch.rand(1, 3, 64, 64)
    for names in (tuple('abcde'), tuple('abcdefg')):
        system.set_vocabulary(Vocabulary(names))
        losses = system.train().loss(images, make_samples(labels))
        assert torch.isfinite(sum(losses.values()))


def test_scores_beyond_one_are_probabilities(system: SAN) -> None:
    scores = torch.tensor([0.0, 0.7, 3.0])
    found = system.to_probability(scores)
    assert found[0] == 0
    assert (found.diff() > 0).all()
    assert found[-1] < 1


def test_the_world_s_clip_and_the_predictor(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    config = read_config('configs/demo/systems/san_world.py')
    predictor = Predictor(config, device='cpu')
    predictor.model.init_weights()
    weights = config.model.backbone.init_cfg.checkpoint
    stored = read_clip(Path(weights))['visual.conv1.weight']
    assert torch.equal(predictor.model.backbone.visual.conv1.weight, stored)
    image = torch.randint(0, 256, (64, 96, 3)).byte().numpy()
    result = predictor.predict(image, 'red roof, house; pond')
    assert result.labels.shape == (64, 96)


def test_a_run_in_the_world_with_words_unseen_in_training(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    config = short_world_run('configs/demo/systems/san_world.py', tmp_path)
    config.default_hooks.logger.interval = 1
    runner = Runner.from_cfg(config)
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    after = runner.model.state_dict()
    parts = {k.split('.')[0] for k in after if not after[k].equal(before[k])}
    assert {'decode_head', 'no_class'} <= parts
    assert len(runner.model.vocabulary) == 10  # after a validation of 19

    config.load_from = str(tmp_path / 'iter_2.pth')
    config.experiment_name = 'san world test'
    scores = Runner.from_cfg(config).test()
    assert {'s-mIoU', 'u-mIoU', 'h-mIoU'} <= set(scores)


def test_weights_of_another_system_are_refused(system: SAN) -> None:
    other: dict[str, Any] = {'neck.weight': torch.ones(1)}
    with pytest.raises(ValueError, match='does not fit the model'):
        system.load_state_dict(other, strict=False)


def test_sizes_are_those_of_the_published_network(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    config = read_config('configs/san/san_vit-b16_1xb32-60k_isaid-640x640.py')
    with torch.device('meta'):
        model = MODELS.build(config.model)
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    assert round(sum(n for n, _ in sizes) / 1e6, 2) == 157.84
    assert round(sum(n for n, trained in sizes if trained) / 1e6, 2) == 8.37
