# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Known bugs of published systems, pinned where no other test does.

Stale text features, vocabulary order, synonyms, ignored pixels and grids of
any size have tests next to the part that could have them.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from torch import Tensor, nn

import aeroseg
from aeroseg.datasets import OpenVocabDataset
from aeroseg.models import AerOSeg

PACKAGE = Path(aeroseg.__file__).parent
NAMES = ('road', 'tree', 'water')
Build = Callable[..., AerOSeg]


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call in the package, with the place where it stands."""
    for path in sorted(PACKAGE.rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield f'{path.relative_to(PACKAGE)}:{node.lineno}', node


def sample(height: int, width: int) -> SegDataSample:
    shape = {'img_shape': (64, 64), 'pad_shape': (64, 64)}
    return SegDataSample(metainfo={**shape, 'ori_shape': (height, width)})


def test_label_images_with_a_palette_are_read_as_ids(tmp_path: Path) -> None:
    # Read as colour or grey, or written without a palette, 9 and 14 would
    # both become 1 (mmseg's iSAID converter).
    ids = np.array([[0, 9, 14, 255]], dtype=np.uint8)
    image = Image.fromarray(ids, mode='P')
    image.putpalette([value for i in range(256) for value in (i, 7, 255 - i)])
    for folder in ('images', 'labels'):
        (tmp_path / folder).mkdir()
    image.save(tmp_path / 'labels/0.png')
    Image.new('RGB', (4, 1)).save(tmp_path / 'images/0.png')
    init_default_scope('mmseg')
    steps = ('LoadImageFromFile', 'LoadLabels', 'PackSegInputs')
    dataset = OpenVocabDataset(
        metainfo={'classes': tuple(f'class {i}' for i in range(15))},
        data_root=str(tmp_path),
        data_prefix={'img_path': 'images', 'seg_map_path': 'labels'},
        pipeline=[{'type': step} for step in steps],
    )
    label = dataset[0]['data_samples'].gt_sem_seg.data
    assert label.tolist() == [ids.tolist()]


@torch.no_grad()
def test_guidance_goes_to_the_classes_of_its_own_image(
    build_tiny: Build,
) -> None:
    # Rows are batch-major; repeating the guidance class-major gives an image
    # the guidance of another one (mmseg's projects/CAT-Seg).
    model = build_tiny(NAMES)
    images = 255 * torch.rand(2, 3, 64, 64)
    features = model.extract_feat(images)
    other = tuple(map(Tensor.clone, features.guidance))
    for guide in other:
        guide[1] += 1
    head = model.decode_head
    before = head(features)
    after = head(features._replace(guidance=other))
    assert torch.equal(before[0], after[0])
    for index in range(len(NAMES)):
        assert not torch.allclose(before[1, index], after[1, index])


@torch.no_grad()
def test_every_image_of_a_batch_keeps_its_own_result(
    build_tiny: Build,
) -> None:
    # Indexing the result of the first image with the second's index
    # (SegEarth-OV); the images differ in the size they came with.
    model = build_tiny(NAMES)
    images = [
        torch.randint(0, 255, (3, 64, 64), dtype=torch.uint8) for _ in range(3)
    ]
    sizes = [(64, 64), (40, 30), (90, 100)]
    data = {'inputs': images, 'data_samples': [sample(*s) for s in sizes]}
    together = model.test_step(copy.deepcopy(data))
    for i, size in enumerate(sizes):
        one = {'inputs': [images[i]], 'data_samples': [sample(*size)]}
        (alone,) = model.test_step(one)
        assert together[i].pred_sem_seg.shape == size
        torch.testing.assert_close(
            together[i].seg_logits.data, alone.seg_logits.data
        )


@torch.no_grad()
@pytest.mark.parametrize('mode', ['slide', 'slide_global'])
def test_an_image_smaller_than_the_window(
    build_tiny: Build, mode: str
) -> None:
    model = build_tiny(NAMES)
    settings = {'mode': mode, 'crop_size': (64, 64), 'stride': (32, 32)}
    model.test_cfg = model.test_cfg.__class__(settings)
    image = torch.randint(0, 255, (3, 40, 50), dtype=torch.uint8)
    data = SegDataSample(
        metainfo=dict.fromkeys(
            ('img_shape', 'pad_shape', 'ori_shape'), (40, 50)
        )
    )
    (result,) = model.test_step({'inputs': [image], 'data_samples': [data]})
    assert result.pred_sem_seg.shape == (40, 50)
    assert result.seg_logits.data.isfinite().all()


def test_forward_leaves_the_model_alone(build_tiny: Build) -> None:
    # Hooks that append to a list on the model, reset by hand (CAT-Seg, OVRS,
    # GSNet, RSKT-Seg).
    model = build_tiny(NAMES).train()

    def state() -> dict[str, object]:
        found: dict[str, object] = {}
        for name, module in model.named_modules():
            found[name] = {
                key: len(value) if isinstance(value, (list, dict)) else key
                for key, value in vars(module).items()
            }
        return found

    def hooks(module: nn.Module) -> int:
        return len(module._forward_hooks) + len(module._forward_pre_hooks)

    before = state()
    data = sample(64, 64)
    data.gt_sem_seg = PixelData(data=torch.zeros(1, 64, 64, dtype=torch.long))
    for _ in range(2):
        model.loss(255 * torch.rand(1, 3, 64, 64), [data])
    assert state() == before
    assert sum(map(hooks, model.modules())) == 0


def test_nothing_is_moved_to_a_named_device() -> None:
    named = [
        place
        for place, call in calls()
        if isinstance(call.func, ast.Attribute)
        and (
            call.func.attr == 'cuda'
            or (
                call.func.attr == 'to'
                and any(
                    isinstance(a, ast.Constant) and 'cuda' in str(a.value)
                    for a in call.args
                )
            )
        )
    ]
    assert named == []


def test_no_file_is_unpickled() -> None:
    # Unpickling runs whatever code a downloaded file names.
    loose = [
        place
        for place, call in calls()
        if ast.unparse(call.func) == 'torch.load'
        and not any(
            k.arg == 'weights_only' and ast.unparse(k.value) == 'True'
            for k in call.keywords
        )
    ]
    assert loose == []
    assert not [p for p, c in calls() if ast.unparse(c.func) == 'pickle.load']
