# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Fits a training config to the memory of a GPU."""

from pathlib import Path

from mmengine.config import Config

_COUNTS = {'max_iters', 'val_interval', 'interval', 'T_max', 'begin', 'end'}


def apply_memory_preset(config: Config, path: str | Path) -> None:
    """Merge a preset into a config; the effective batch stays the same.

    A preset says how many images are computed at once; gradients are
    accumulated until the batch is complete. mmengine counts each part as a
    step, so lengths and intervals are multiplied by the number of parts. The
    number of updates and images and the learning-rate schedule stay the same.

    Args:
        config (Config): Changed in place.
        path (str | Path): A file of ``configs/_base_/memory``.

    Raises:
        FileNotFoundError: If there is no such file; the message lists the
            existing ones.
        ValueError: If the batch is not a multiple of the preset's images.
    """
    path = Path(path)
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob('*.py'))
        raise FileNotFoundError(
            f'there is no memory preset {path.stem!r} in {path.parent}; '
            f'choose one of {", ".join(known)}'
        )
    preset = Config.fromfile(path)
    at_once = preset.pop('images_at_once')
    for part in set(preset.model) - set(config.model):
        del preset.model[part]
    guidance = config.model.get('guidance_encoder', {})
    if guidance.get('type') != 'SAMGuidance' or not guidance.get(
        'frozen', True
    ):
        preset.model.pop('guidance_encoder', None)
    config.merge_from_dict(preset.to_dict())
    _split_batches(config, at_once)


def _split_batches(config: Config, at_once: int) -> None:
    """Accumulate a batch from parts, and scale all that counts steps."""
    loader = config.train_dataloader
    if at_once >= loader.batch_size:
        return
    parts, rest = divmod(loader.batch_size, at_once)
    if rest:
        raise ValueError(
            f'a batch of {loader.batch_size} cannot be split into parts '
            f'of {at_once} images; set train_dataloader.batch_size to a '
            f'multiple of {at_once}'
        )
    loader.batch_size = at_once
    wrapper = config.optim_wrapper
    wrapper.accumulative_counts = parts * wrapper.get('accumulative_counts', 1)
    schedulers = config.param_scheduler
    if isinstance(schedulers, dict):
        schedulers = [schedulers]
    hooks = [config.default_hooks.get(n, {}) for n in ('checkpoint', 'logger')]
    for section in (config.train_cfg, *schedulers, *hooks):
        for name in _COUNTS & section.keys():
            section[name] *= parts
