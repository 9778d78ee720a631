# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Turns the test of a config into one with test-time augmentation."""

from typing import Any

from mmengine.config import Config

_DEFAULT_RATIOS = (1.0, 0.75, 1.25)


def apply_tta(config: Config) -> None:
    """Test scaled and flipped views of every image.

    The steps are ``tta_pipeline`` of the config if it has one; else its test
    pipeline, with the size of its Resize times ``tta_ratios``, each with and
    without a horizontal flip.

    Args:
        config (Config): The whole config; model and test pipeline change.

    Raises:
        ValueError: If the first ratio is not 1, at which the labels are kept.
    """
    dataset = config.test_dataloader.dataset
    steps = config.get('tta_pipeline')
    if steps is None:
        ratios = config.get('tta_ratios', _DEFAULT_RATIOS)
        steps = tta_pipeline(dataset.pipeline, ratios)
    dataset.pipeline = steps
    wrapper = config.get('tta_model') or {'type': 'OpenVocabTTA'}
    config.model = {**wrapper, 'module': config.model}


def tta_pipeline(
    pipeline: list[dict[str, Any]], ratios: tuple[float, ...]
) -> list[dict[str, Any]]:
    """The steps of a test pipeline with test-time augmentation.

    Args:
        pipeline (list[dict]): The steps of the test.
        ratios (tuple[float, ...]): Sizes relative to that of the test; the
            first must be 1.

    Returns:
        list[dict]: The steps before Resize, then mmcv's TestTimeAug.

    Raises:
        ValueError: If the ratios are not positive or do not begin with 1.
    """
    if not ratios or ratios[0] != 1 or min(ratios) <= 0:
        raise ValueError(
            f'tta_ratios={tuple(ratios)}; they must be positive, and the '
            'first must be 1, for example (1, 0.75, 1.25)'
        )
    kinds = [step['type'] for step in pipeline]
    resize: dict[str, Any] = {'type': 'Resize', 'keep_ratio': True}
    place = 1
    if 'Resize' in kinds:
        place = kinds.index('Resize')
        resize = dict(pipeline[place])
    after = pipeline[place + ('Resize' in kinds) :]
    return [
        *pipeline[:place],
        {
            'type': 'TestTimeAug',
            'transforms': [
                [_resized(resize, ratio) for ratio in ratios],
                [
                    {'type': 'RandomFlip', 'prob': probability}
                    for probability in (0.0, 1.0)
                ],
                *([step] for step in after),
            ],
        },
    ]


def _resized(step: dict[str, Any], ratio: float) -> dict[str, Any]:
    scale = step.get('scale')
    if scale is None:
        factor = step.get('scale_factor', 1.0)
        return {**step, 'scale_factor': factor * ratio}
    sides = (scale, scale) if isinstance(scale, int) else scale
    return {**step, 'scale': tuple(round(side * ratio) for side in sides)}
