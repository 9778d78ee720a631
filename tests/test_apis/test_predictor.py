# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from mmseg.apis import MMSegInferencer
from PIL import Image

from aeroseg.apis import Predictor, Tiling
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.read_config import read_config
from aeroseg.vocabulary import Vocabulary

Files = dict[str, Path]
WORDS = 'building, house; road; water, river'


@pytest.fixture(scope='module')
def predictor(tiny_files: Files) -> Predictor:
    return Predictor(**tiny_files, device='cpu')


def _direct(predictor: Predictor, image: np.ndarray, words: str) -> np.ndarray:
    """The model's own answer for a whole image, without the engine."""
    predictor.model.set_vocabulary(Vocabulary.parse(words))
    batch = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].float()
    with torch.no_grad():
        return predictor.model.class_logits(batch)[0].sigmoid().numpy()


def test_image_in_one_window_is_the_models_own_answer(
    predictor: Predictor, pixels: np.ndarray
) -> None:
    image = pixels[:64, :64]
    result = predictor.predict(image, WORDS, scores=True)
    expected = _direct(predictor, image, WORDS)
    assert result.classes == ('building', 'road', 'water')
    assert result.scores == pytest.approx(expected, abs=1e-6)
    assert (result.labels == expected.argmax(axis=0)).all()
    assert (result.image == image).all()


def test_all_kinds_of_images_give_the_same(
    predictor: Predictor, pixels: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / 'a.png'
    Image.fromarray(pixels).save(path)
    images = [pixels, Image.fromarray(pixels), path, str(path)]
    results = predictor.predict(images, WORDS)
    assert len(results) == 4
    for result in results[1:]:
        assert (result.labels == results[0].labels).all()
        assert (result.image == pixels).all()
        assert result.scores is None


def test_words_change_at_run_time_and_back(
    predictor: Predictor, pixels: np.ndarray
) -> None:
    model = predictor.model
    first = predictor.predict(pixels, WORDS, scores=True)
    other = predictor.predict(pixels, ['car', 'tree, forest'], scores=True)
    again = predictor.predict(pixels, WORDS, scores=True)
    assert other.classes == ('car', 'tree')
    assert other.scores.shape[0] == 2
    assert (again.scores == first.scores).all()
    assert predictor.model is model


def test_order_of_the_words_is_the_order_of_the_ids(
    predictor: Predictor, pixels: np.ndarray
) -> None:
    image = pixels[:64, :64]
    ab = predictor.predict(image, 'road; tree', scores=True)
    ba = predictor.predict(image, 'tree; road', scores=True)
    assert ab.classes == ba.classes[::-1]
    assert ab.scores == pytest.approx(ba.scores[::-1], abs=1e-4)


def test_background_policies(predictor: Predictor, pixels: np.ndarray) -> None:
    high = Vocabulary.parse('road; tree', threshold=1.0)
    assert (predictor.predict(pixels, high).labels == 2).all()
    words = Vocabulary.parse('road; tree', contrast=('sky', 'sea'))
    result = predictor.predict(pixels[:64, :64], words, scores=True)
    raw = _direct(predictor, pixels[:64, :64], 'road; tree; sky; sea')
    merged = np.concatenate([raw[:2], raw[2:].max(axis=0, keepdims=True)])
    assert result.classes == ('road', 'tree', 'background')
    assert result.scores == pytest.approx(merged, abs=1e-6)


@pytest.mark.parametrize('device', ['gpu', 'cuda:99'])
def test_devices_that_are_not_there(
    tiny_files: dict[str, Path], device: str
) -> None:
    with pytest.raises(ValueError, match=f"device '{device}' cannot be used"):
        Predictor(tiny_files['config'], device=device)


def test_every_form_of_classes(predictor: Predictor, tmp_path: Path) -> None:
    path = tmp_path / 'names.txt'
    path.write_text('building, house\nroad\nwater, river\n')
    forms = (WORDS, WORDS.split(';'), path, Vocabulary.parse(WORDS))
    for form in forms:
        assert predictor.vocabulary(form) == Vocabulary.parse(WORDS)
    assert predictor.vocabulary().names == ('road', 'tree', 'water')


@pytest.mark.parametrize(
    ('words', 'message'),
    [('', 'empty'), ('road; ; tree', 'empty'), ('road; Road', 'twice')],
)
def test_bad_words_are_refused(
    predictor: Predictor, pixels: np.ndarray, words: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        predictor.predict(pixels, words)


def test_settings_come_from_the_config(predictor: Predictor) -> None:
    assert predictor.tiling == Tiling(64, 16)
    assert predictor.scale == 1.0


def test_scene_and_image_agree(
    predictor: Predictor,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> None:
    options: dict[str, Any] = {'gsd': 0.4, 'stretch': '0,300'}
    path = write_scene(pixels.astype(np.uint16))
    image = predictor.predict(path, WORDS, **options)
    scene = predictor.predict_scene(
        path, tmp_path / 'out', WORDS, progress=False, **options
    )
    with rasterio.open(scene.files['labels']) as data:
        assert (data.read(1) == image.labels).all()
    assert [area.pixels for area in scene.areas] == [
        area.pixels for area in image.areas
    ]


def test_the_weights_are_hashed_for_scenes_only(
    tiny_files: Files,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> None:
    made = Predictor(**tiny_files, device='cpu')
    made.predict(pixels[:64, :64], WORDS)
    assert 'identity' not in vars(made)
    scene = write_scene(pixels[:64, :64])
    made.predict_scene(scene, tmp_path / 'out', WORDS, progress=False)
    assert 'identity' in vars(made)


def test_every_file_is_closed_even_after_a_failure(
    predictor: Predictor,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[RasterSource] = []
    usual = RasterSource.__init__

    def note(self: RasterSource, *args: Any, **options: Any) -> None:
        opened.append(self)
        usual(self, *args, **options)

    monkeypatch.setattr(RasterSource, '__init__', note)
    path = write_scene(np.tile(pixels, (4, 1, 1)), compress='deflate')
    predictor.predict(path, WORDS)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(ValueError, match='damaged'):
        predictor.predict(path, WORDS)
    with pytest.raises(ValueError, match='damaged'):
        predictor.predict_scene(path, tmp_path, WORDS, progress=False)
    assert [source.data.closed for source in opened] == [True] * 3


def test_two_sets_of_words_share_a_model(
    predictor: Predictor, pixels: np.ndarray
) -> None:
    images = torch.from_numpy(pixels[:64, :64].transpose(2, 0, 1)[None].copy())
    first, other = predictor.ask('road; tree'), predictor.ask('car; ship; sky')
    with torch.no_grad():
        before = first.predict_scores(images.float())
        assert other.predict_scores(images.float()).shape[1] == 3
        assert torch.equal(first.predict_scores(images.float()), before)


def test_classes_of_the_training_stay_those(
    tiny_files: Files, predictor: Predictor, pixels: np.ndarray
) -> None:
    config = read_config(tiny_files['config'])
    config.model.vocabulary = {'names': ['barn', 'pond']}
    made = Predictor(config, device='cpu')
    made.predict(pixels[:64, :64], 'car; ship')
    assert made.vocabulary().names == ('barn', 'pond')
    del config.model['vocabulary']
    made = Predictor(config, device='cpu')
    with pytest.raises(ValueError, match='names the classes of the training'):
        made.vocabulary()


def test_the_config_beside_the_checkpoint_serves(tiny_files: Files) -> None:
    made = Predictor(checkpoint=tiny_files['checkpoint'])
    assert made.tiling == Tiling(64, 16)
    with pytest.raises(ValueError, match='config, a checkpoint'):
        Predictor()


def test_bfloat16_is_close(
    tiny_files: Files, predictor: Predictor, pixels: np.ndarray
) -> None:
    fast = Predictor(**tiny_files, device='cpu', amp=True)
    exact = predictor.predict(pixels, WORDS, scores=True).scores
    found = fast.predict(pixels, WORDS, scores=True).scores
    assert found == pytest.approx(exact, abs=0.03)
    assert (found != exact).any()


def test_mmseg_inferencer_takes_the_same_files(
    tiny_files: Files, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / 'a.png'
    Image.fromarray(pixels).save(path)
    inferencer = MMSegInferencer(
        str(tiny_files['config']),
        str(tiny_files['checkpoint']),
        classes=['road', 'tree', 'water'],
        device='cpu',
    )
    found = inferencer(str(path), return_vis=True)
    ours = Predictor(**tiny_files, device='cpu').predict(path)
    assert (found['predictions'] == ours.labels).mean() > 0.999
    assert found['visualization'].shape[1] > 2 * 64
