# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The published training-free networks, stage by stage, to 1e-4.

Golden images go into CLIP as they are, so mean and std are 0 and 1.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from mmseg.structures import SegDataSample
from safetensors.torch import load_file
from torch import Tensor

from aeroseg.models import DenseCLIP, JBUUpsampler, TrainingFreeSegmentor
from aeroseg.models.layers.clip_pretrained import load_tower, select_tower
from aeroseg.models.original_size import to_original_size
from aeroseg.vocabulary import Vocabulary

Tensors = dict[str, Tensor]
# The published method and its residual -> name in the golden file.
LAST_BLOCKS = {
    'vanilla': ('vanilla', True),
    'maskclip_residual': ('maskclip', True),
    'sclip': ('sclip', True),
    'sclip_original': ('sclip', True),
    'clearclip_residual': ('clearclip', True),
    'vanilla_noresidual': ('vanilla', False),
    'maskclip': ('maskclip', False),
    'sclip_noresidual': ('sclip', False),
    'clearclip': ('clearclip', False),
    'segearth': ('segearth', False),
}
SIZES = ('96x96', '112x80')


@pytest.fixture
def load(shared_dir: Path) -> Any:
    def read(name: str) -> Tensors:
        path = shared_dir / 'golden' / f'{name}.safetensors'
        if not path.is_file():
            pytest.skip(f'no {path.name} in the folder next to the checkout')
        return load_file(path)

    return read


def clip(quick_gelu: bool = True, **vision: Any) -> dict[str, Any]:
    return {
        'embed_dim': 32,
        'quick_gelu': quick_gelu,
        'vision_cfg': {
            'image_size': 96,
            'patch_size': 16,
            'width': 64,
            'layers': 4,
            'head_width': 16,
            **vision,
        },
        'text_cfg': {'width': 32, 'heads': 2, 'layers': 1},
    }


def fill(backbone: DenseCLIP, tensors: Tensors) -> DenseCLIP:
    """Weights of the golden file; attention split as by the reader."""
    state = {}
    for key, value in tensors.items():
        if not key.startswith('clip.'):
            continue
        name = key.removeprefix('clip.')
        if name.endswith('in_proj_weight'):
            stem = name.removesuffix('in_proj_weight')
            for part, weight in zip('qkv', value.chunk(3), strict=True):
                state[f'{stem}{part}_proj_weight'] = weight
        else:
            state[name] = value
    load_tower(backbone.visual, select_tower(state, 'visual'), 'golden')
    backbone.mean.zero_()
    backbone.std.fill_(1)
    return backbone.eval()


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-4)


def tokens_first(maps: Tensor) -> Tensor:
    return maps.flatten(2).transpose(1, 2)


@torch.no_grad()
@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('name', LAST_BLOCKS)
def test_last_block(load: Any, name: str, size: str) -> None:
    tensors = load('trainingfree_last_block')
    attention, residual = LAST_BLOCKS[name]
    backbone = fill(DenseCLIP(clip(), attention, residual), tensors)
    features = backbone(tensors[f'in.image_{size}'])
    expected = tensors[f'out.{name}_{size}']
    close(tokens_first(features.patches), expected[:, 1:])
    close(features.token, expected[:, 0])


@torch.no_grad()
def test_exact_gelu(load: Any) -> None:
    tensors = load('trainingfree_last_block')
    backbone = fill(DenseCLIP(clip(quick_gelu=False), 'clearclip'), tensors)
    features = backbone(tensors['in.image_112x80'])
    expected = tensors['out.clearclip_gelu_112x80']
    close(tokens_first(features.patches), expected[:, 1:])


@torch.no_grad()
def test_as_many_cells_in_another_shape(load: Any) -> None:
    """4 x 9 cells as many as 6 x 6: the published code forgets to resize."""
    tensors = load('trainingfree_last_block')
    backbone = fill(DenseCLIP(clip()), tensors)
    features = backbone(tensors['in.image_64x144'])
    expected = tensors['out.segearth_64x144_interpolated']
    close(tokens_first(features.patches), expected[:, 1:])


@torch.no_grad()
@pytest.mark.parametrize('size', SIZES)
def test_activation_positions_and_norm_of_maskclip_itself(
    load: Any, size: str
) -> None:
    tensors = load('trainingfree_last_block')
    model = clip(quick_gelu=False, norm_kwargs={'eps': 1e-6})
    backbone = DenseCLIP(model, 'maskclip', True, position_offset=0.0)
    features = fill(backbone, tensors)(tensors[f'in.image_{size}'])
    expected = tensors[f'out.maskclip_original_{size}']
    close(tokens_first(features.patches), expected)


@torch.no_grad()
@pytest.mark.parametrize(
    ('case', 'name', 'settings'),
    [
        ('96x96_12x12', '', {}),
        ('96x96_6x6', '', {}),
        ('96x96_5x5', '_single', {}),
        ('112x80_14x10', '', {}),
        (
            '96x96_12x12',
            '_beta0.8_gamma5',
            {'proxy_shift': 0.8, 'proxy_scale': 5.0},
        ),
    ],
)
def test_proxy(
    load: Any, case: str, name: str, settings: dict[str, float]
) -> None:
    tensors = load('proxyclip')
    backbone = DenseCLIP(clip(), 'proxy', **settings)
    features = fill(backbone, tensors)(
        tensors[f'in.image_{case}'], tensors[f'in.proxy_{case}']
    )
    expected = tensors[f'out.dense_{case}{name}']
    close(tokens_first(features.patches), expected)


@pytest.fixture
def jbu_one(load: Any) -> JBUUpsampler:
    prefix = 'one.upsampler.'
    weights = {
        key.removeprefix(prefix): value
        for key, value in load('jbu_one').items()
        if key.startswith(prefix)
    }
    upsampler = JBUUpsampler(32)
    upsampler.load_state_dict(weights)
    return upsampler


@torch.no_grad()
@pytest.mark.parametrize('grid', ['6x6', '7x5'])
def test_jbu_one(load: Any, jbu_one: JBUUpsampler, grid: str) -> None:
    tensors = load('jbu_one')
    source = tensors[f'one.in.source_{grid}']
    image = tensors[f'one.in.guidance_{grid}']
    size = [2 * side for side in source.shape[2:]]
    small = torch.nn.functional.adaptive_avg_pool2d(image, size)
    step = jbu_one.up
    close(step.spatial_kernel(), tensors['one.mid.spatial_kernel'])
    expected = tensors[f'one.mid.range_kernel_{grid}']
    close(step.range_kernel(small), expected)
    close(step(source, small), tensors[f'one.mid.stage1_{grid}'])
    close(jbu_one(source, image), tensors[f'one.out.{grid}'])


@torch.no_grad()
def test_jbu_stack_with_its_published_weights(
    load: Any, shared_dir: Path
) -> None:
    folder = shared_dir / 'weights' / 'simfeatup'
    weights = folder / 'clip_jbu_stack_cocostuff.ckpt'
    initialiser = {'type': 'JBUPretrained', 'checkpoint': str(weights)}
    upsampler = JBUUpsampler(512, 'jbu_stack', initialiser)
    upsampler.init_weights()
    tensors = load('jbu_one')
    close(upsampler.up1.spatial_kernel(), tensors['stack.mid.spatial_kernel'])
    found = upsampler(
        tensors['stack.in.source_4x3'], tensors['stack.in.guidance_4x3']
    )
    close(found[:, ::4], tensors['stack.out.4x3'])


@pytest.fixture
def segearth(load: Any) -> TrainingFreeSegmentor:
    """SegEarth-OV with the golden words: 5 classes of 8 words, 5 prompts."""
    tensors = load('trainingfree_logits')
    model = TrainingFreeSegmentor(
        backbone={'type': 'DenseCLIP', 'model': clip()},
        text_encoder={
            'type': 'OpenCLIPTextEncoder',
            'model': clip(),
            'templates': ['{}'] * 5,
        },
    ).eval()
    fill(model.backbone, load('trainingfree_last_block'))
    owners = tensors['in.query_idx'].tolist()
    words = [
        tuple(f'word {i}' for i, owner in enumerate(owners) if owner == index)
        for index in range(max(owners) + 1)
    ]
    names = tuple(group[0] for group in words)
    model.set_vocabulary(Vocabulary(names, tuple(words)))
    outputs = tensors['in.template_embeddings'].flatten(0, 1)
    model.text_encoder._encode_tokens = lambda tokens: outputs
    return model


@torch.no_grad()
def test_text_features(load: Any, segearth: TrainingFreeSegmentor) -> None:
    expected = load('trainingfree_logits')['in.text_features']
    close(segearth.text_features(), expected)


@torch.no_grad()
@pytest.mark.parametrize('bias', ['0', '-0.3'])
def test_cosines_and_global_bias(
    load: Any, segearth: TrainingFreeSegmentor, bias: str
) -> None:
    tensors = load('trainingfree_logits')
    segearth.global_bias = float(bias)
    found = segearth.class_logits(tensors['in.image'])
    close(found, tensors[f'out.logits_lambda{bias}'])


@torch.no_grad()
def test_upsampled_cosines(
    load: Any, segearth: TrainingFreeSegmentor, jbu_one: JBUUpsampler
) -> None:
    tensors = load('trainingfree_logits')
    segearth.upsampler = jbu_one
    found = segearth.class_logits(tensors['in.image'])
    close(found, tensors['out.logits_upsampled'])


@torch.no_grad()
@pytest.mark.parametrize(
    ('case', 'scale', 'threshold', 'background'),
    [('a', 50, None, 0), ('b', 50, 0.4, 0), ('c', 40, 0.5, 4)],
)
def test_probabilities_and_threshold(
    load: Any,
    segearth: TrainingFreeSegmentor,
    case: str,
    scale: float,
    threshold: float | None,
    background: int,
) -> None:
    """Below the threshold: 255 here, a class of the vocabulary there."""
    tensors = load('trainingfree_logits')
    segearth.logit_scale = scale
    words = replace(segearth.vocabulary, threshold=threshold)
    segearth.set_vocabulary(words)
    cosines = tensors['out.logits_lambda-0.3']
    (sample,) = segearth.postprocess_result(cosines)
    expected = tensors[f'out.post_{case}_prob']
    close(segearth.to_probability(cosines)[0], expected)
    close(sample.seg_logits.data.exp(), expected)
    label = sample.pred_sem_seg.data.clone()
    assert (label == 255).any() == (threshold is not None)
    label[label == 255] = background
    assert torch.equal(label, tensors[f'out.post_{case}_pred'].long())


@torch.no_grad()
@pytest.mark.parametrize(
    ('case', 'crop', 'size'), [(0, 96, (200, 150)), (1, 160, (220, 165))]
)
def test_windows(
    load: Any,
    segearth: TrainingFreeSegmentor,
    case: int,
    crop: int,
    size: tuple[int, int],
) -> None:
    tensors = load('trainingfree_logits')
    segearth.test_cfg.update(
        mode='slide', crop_size=(crop, crop), stride=(crop // 2, crop // 2)
    )
    image = tensors['in.slide_image']
    cosines = segearth.inference(image, [{'ori_shape': size}])[0]
    cosines = to_original_size(cosines, {'ori_shape': size}, False)
    close(cosines, tensors[f'out.slide{case}_logits'][0])
    sample = SegDataSample(metainfo={'ori_shape': size})
    (sample,) = segearth.predict(image, [sample])
    expected = tensors[f'out.slide{case}_pred'].long()
    assert torch.equal(sample.pred_sem_seg.data, expected)


@torch.no_grad()
def test_an_image_smaller_than_the_window(
    load: Any, segearth: TrainingFreeSegmentor
) -> None:
    tensors = load('trainingfree_logits')
    segearth.test_cfg.update(mode='slide', crop_size=(96, 96), stride=(48, 48))
    image = tensors['in.small_image']
    found = segearth.inference(image, [{'ori_shape': image.shape[2:]}])
    close(found, tensors['out.small_logits'])
