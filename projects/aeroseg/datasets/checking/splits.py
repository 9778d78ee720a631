# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Finds the datasets of a config or a folder."""

import json
from pathlib import Path
from typing import Any

from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from aeroseg.read_config import read_config

from ..cross import load_benchmark
from ..cross.converter import CONVERTED
from ..open_vocab import OpenVocabDataset

# What the converters write into manifest.json.
_CONVERTED = {
    'iSAID': 'ISAID15Dataset',
    'DLRSD': 'DLRSDDataset',
    'OpenEarthMap': 'OpenEarthMapDataset',
    'folder': 'FolderDataset',
}
_CROSS = {load_benchmark(name).dataset: name for name in CONVERTED}


def splits_of(
    source: str | Path, names: str | None = None
) -> dict[str, OpenVocabDataset]:
    """Find the splits to check, each with all its classes.

    Args:
        source (str | Path): A config, or a folder with ``img_dir/SPLIT`` and
            ``ann_dir/SPLIT`` that a converter wrote or that has a
            ``names.txt``.
        names (str, optional): The ``names.txt`` of a folder.

    Returns:
        dict[str, OpenVocabDataset]: By 'train', 'val' and 'test'; a split
        that repeats another one is left out.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If the folder does not say which classes it has, or the
            config has no dataset that can be checked.
    """
    path = Path(source)
    if path.is_file():
        configs = _of_config(path)
    elif path.is_dir():
        configs = _of_folder(path, names)
    else:
        raise FileNotFoundError(f'no config and no folder {source}')
    init_default_scope('mmseg')
    built = {split: _build(cfg, source) for split, cfg in configs.items()}
    found = {
        split: dataset
        for split, dataset in built.items()
        if isinstance(dataset, OpenVocabDataset) and has_labels(dataset)
    }
    if not found:
        raise ValueError(
            f'{source} names no files of images and labels; there is nothing '
            'to check'
        )
    return found


def _build(cfg: dict[str, Any], source: object) -> Any:
    try:
        return DATASETS.build(cfg)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f'{source}: the dataset {cfg.get("type")!r} cannot be made: '
            f'{error.args[0] if error.args else error}'
        ) from error


def has_labels(dataset: OpenVocabDataset) -> bool:
    """Whether the dataset consists of label files, not of generated scenes."""
    return dataset.get_data_info(0).get('seg_map_path') is not None


def _of_config(path: Path) -> dict[str, dict[str, Any]]:
    config = read_config(path)
    found: dict[str, dict[str, Any]] = {}
    for split in ('train', 'val', 'test'):
        loader = config.get(f'{split}_dataloader')
        if not loader:
            continue
        cfg = loader
        # The loader, and mmengine's wrappers such as RepeatDataset.
        while isinstance(cfg, dict) and 'dataset' in cfg:
            cfg = cfg['dataset']
        if not isinstance(cfg, dict) or cfg is loader:
            raise ValueError(
                f'{path}: {split}_dataloader has no entry dataset=dict(...)'
            )
        cfg = dict(cfg)
        cfg.update(classes='all', pipeline=[])
        cfg.pop('test_mode', None)
        if cfg not in found.values():
            found[split] = cfg
    if not found:
        raise ValueError(
            f'{path} names no dataset; expected train_dataloader, '
            'val_dataloader or test_dataloader'
        )
    return found


def _type_of(manifest: Path) -> dict[str, Any]:
    """Type, and name of the test set, as a dataset is built."""
    try:
        content = json.loads(manifest.read_text(encoding='utf-8'))
        name = content['settings']['dataset']
        if name in _CROSS:
            return {'type': 'CrossDataset', 'benchmark': _CROSS[name]}
        return {'type': _CONVERTED[name]}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{manifest} is not the record of a converter, or is damaged '
            f'({error!r}); known datasets are '
            f'{sorted({**_CONVERTED, **_CROSS})}. Give --names instead, or '
            'convert again'
        ) from error


def _of_folder(path: Path, names: str | None) -> dict[str, dict[str, Any]]:
    splits = [
        split
        for split in ('train', 'val', 'test')
        if (path / 'img_dir' / split).is_dir()
    ]
    if not splits:
        raise FileNotFoundError(
            f'{path} has no img_dir/train, img_dir/val or img_dir/test; '
            'convert the data first, or check a config'
        )
    cfg: dict[str, Any] = {'data_root': str(path)}
    manifest = path / 'manifest.json'
    if names or (path / 'names.txt').is_file():
        cfg['type'] = 'FolderDataset'
        cfg['names'] = names or 'names.txt'
    elif manifest.is_file():
        cfg |= _type_of(manifest)
    else:
        raise ValueError(
            f'{path} has neither a manifest.json of a converter nor a '
            'names.txt, so its classes are not known; give --names'
        )
    if cfg['type'] == 'CrossDataset':
        return {split: {**cfg, 'splits': [split]} for split in splits}
    return {
        split: {
            **cfg,
            'data_prefix': {
                'img_path': f'img_dir/{split}',
                'seg_map_path': f'ann_dir/{split}',
            },
        }
        for split in splits
    }
