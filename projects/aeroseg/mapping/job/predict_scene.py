# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A scene of any size: from a raster file to a folder of results."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from aeroseg.mapping.block import Block
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.gdal import ignore_warning
from aeroseg.mapping.reading.pixel_area import is_on_earth
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.reading.remote_scene import (
    Scene,
    VirtualScene,
    content,
)
from aeroseg.mapping.reading.scene_notes import blank_notes
from aeroseg.mapping.stopwatch import Stopwatch
from aeroseg.mapping.windows.score_model import ScoreModel
from aeroseg.mapping.writing.class_areas import (
    ClassArea,
    count_classes,
    write_areas,
)
from aeroseg.mapping.writing.geotiff import label_draft, score_draft, write_cog
from aeroseg.mapping.writing.polygons import write_polygons
from aeroseg.mapping.writing.preview import SIDE, write_preview
from aeroseg.mapping.writing.qgis_style import write_style
from aeroseg.mapping.writing.stac_item import write_item
from aeroseg.version import __version__

from .memory import READ_CACHE, WRITE_CACHE
from .output_folder import OutputFolder, UnfinishedError, claim_folder
from .scan_scene import lanes_of, scan_scene
from .scene_options import SceneOptions
from .work_folder import WorkFolder, fingerprint

logger = logging.getLogger(__name__)

ScanRows = Callable[
    [
        ScoreModel,
        RasterSource,
        LabelScheme,
        SceneOptions,
        WorkFolder,
        Stopwatch,
    ],
    None,
]


@dataclass(frozen=True)
class SceneResult:
    """The results of a scene.

    Attributes:
        scene (Scene): The file, or its address.
        files (dict[str, Path]): What was written, by kind: 'labels',
            'classes', 'preview', 'style', and 'scores', 'polygons' and
            'item' if the options ask for them.
        areas (list[ClassArea]): The lines of `classes.csv`.
        notes (list[str]): What the user should know about the scene.
    """

    scene: Scene
    files: dict[str, Path]
    areas: list[ClassArea]
    notes: list[str]


def predict_scene(
    model: ScoreModel,
    path: str | Scene,
    out: str | Path,
    scheme: LabelScheme,
    options: SceneOptions | None = None,
    model_id: str = '',
    scan: ScanRows = scan_scene,
) -> SceneResult:
    """Predict a raster file of any size into a folder.

    Args:
        model (ScoreModel): Predicts the score maps of the scheme.
        path (str | Scene): The scene, or its address such as
            'https://host/scene.tif'.
        out (str | Path): Folder for the results. If an earlier run for the
            same job was killed, this one resumes where it stopped; if it was
            finished, its results are returned unless the options say
            `overwrite`. Files that this function did not write are never
            replaced.
        scheme (LabelScheme): What the ids mean.
        options (SceneOptions | None): None takes the defaults.
        model_id (str): Tells models apart, so that rows of different ones
            are never mixed.
        scan (ScanRows): Predicts the rows that are missing: in this process,
            or as :mod:`aeroseg.mapping.region` does.

    Returns:
        SceneResult: Files, areas and notes.

    Raises:
        FileNotFoundError: If the scene does not exist.
        UnreachableError: If it is on another machine and cannot be read.
        ValueError: If the scene cannot be read; or the folder cannot be
            written, is too small, is in use, holds the results of another
            run or a file with the name of a result; the scene changes while
            it is mapped; or the model gives no finite scores.
        MemoryError: If a single window does not fit into memory.
    """
    options = options or SceneOptions()
    with open_scene(path, options) as source, claim_folder(Path(out)):
        folder = open_output(source, out, scheme, options, model_id)
        if folder.report is None:
            with folder.guard(disk_space(source, scheme, options)) as work:
                clock = Stopwatch()
                scan(model, source, scheme, options, work, clock)
                _refuse_changed(source.path, folder.job)
                report = _assemble(source, scheme, options, work, clock)
                folder.complete(work, report)
        else:
            report = folder.report
            logger.info('%s is already complete in %s', path, folder.path)
    return SceneResult(
        source.path,
        {kind: folder.path / name for kind, name in report['files'].items()},
        [ClassArea(*values) for values in report['areas']],
        report['notes'],
    )


@contextmanager
def open_scene(
    path: str | Scene, options: SceneOptions
) -> Iterator[RasterSource]:
    """Open a scene as the options say.

    Raises:
        FileNotFoundError: If there is no such scene.
        ValueError: If it cannot be read.
    """
    with (
        rasterio.Env(GDAL_CACHEMAX=READ_CACHE),
        RasterSource(
            path,
            options.bands,
            options.gsd,
            options.scale,
            options.stretch,
            options.allow_damaged,
            options.crop,
            options.aoi,
        ) as source,
    ):
        yield source


def open_output(
    source: RasterSource,
    out: str | Path,
    scheme: LabelScheme,
    options: SceneOptions,
    model_id: str,
) -> OutputFolder:
    """The output folder of a job, which the caller has claimed.

    Raises:
        ValueError: If results would overwrite the scene, files of the user
            or results of another job, or GeoJSON cannot hold the scene.
    """
    _check(source, Path(out), options)
    job = _job(source, scheme, options, model_id)
    files = list(result_files(options).values())
    return OutputFolder(Path(out), job, files, options.overwrite)


def result_files(options: SceneOptions) -> dict[str, str]:
    """Names of the files that a run writes, by kind."""
    files = {
        'labels': 'labels.tif',
        'style': 'labels.qml',
        'classes': 'classes.csv',
        'preview': 'preview.png',
    }
    if options.scores:
        files['scores'] = 'scores.tif'
    if options.polygons is not None:
        files['polygons'] = f'polygons.{options.polygons}'
    if options.stac_item:
        files['item'] = 'item.json'
    return files


def _check(source: RasterSource, out: Path, options: SceneOptions) -> None:
    every = replace(options, scores=True, stac_item=True, polygons='gpkg')
    names = {*result_files(options).values(), *result_files(every).values()}
    if isinstance(source.path, VirtualScene):
        files = source.path.files
    else:
        files = [*map(Path, source.data.files), source.path]
    for path in files:
        for target in (out / name for name in names):
            if target.exists() and path.exists() and target.samefile(path):
                raise ValueError(
                    f'{path} belongs to the scene, and {target} would be the '
                    'result; choose another folder'
                )
    if (
        options.polygons == 'geojson'
        and source.georeferenced
        and not is_on_earth(source.data)
    ):
        raise ValueError(
            f'{source.path} has no known longitude and latitude everywhere, '
            'which GeoJSON needs; use --polygons gpkg, or correct the CRS or '
            'the transform of the scene'
        )


def _job(
    source: RasterSource,
    scheme: LabelScheme,
    options: SceneOptions,
    model_id: str,
) -> dict[str, Any]:
    return {
        'version': __version__,
        'source': str(source.path.resolve()),
        **content(source.path),
        'vocabulary': scheme.vocabulary.to_dict(),
        'options': options.identity(),
        'model': model_id,
    }


def _refuse_changed(scene: Scene, job: dict[str, Any]) -> None:
    """Make sure that all rows are of the same content."""
    if isinstance(scene, VirtualScene):
        scene.forget()
    if any(job[key] != value for key, value in content(scene).items()):
        raise ValueError(
            f'{scene} changed while it was mapped; what was made of it is '
            'dropped, since it may mix two versions. Run again'
        )


def disk_space(
    source: RasterSource, scheme: LabelScheme, options: SceneOptions
) -> int:
    """Bytes: rows kept, the intermediate file and the result."""
    maps = scheme.num_scores if options.scores else 0
    values = scheme.dtype.itemsize + maps
    return 3 * values * source.shape[0] * source.shape[1]


def _assemble(
    source: RasterSource,
    scheme: LabelScheme,
    options: SceneOptions,
    work: WorkFolder,
    clock: Stopwatch,
) -> dict[str, Any]:
    """Write the results from the rows that are kept."""
    missing = work.missing(lanes_of(source, options), check=False)
    if missing:
        raise UnfinishedError(
            f'{len(missing)} blocks of {source.path} are missing, the first: '
            f'{missing[0]}'
        )
    with ThreadPoolExecutor(max_workers=1) as other:
        rows = ((block.top, labels) for block, labels in _labels(work))
        counting = other.submit(
            count_classes, rows, scheme, source.pixel_areas
        )
        with clock('reading'):
            values, valid = source.sample(SIDE)
            image = source.picture(values)
    blank = blank_notes(values, valid)
    for note in blank:
        logger.warning('%s: %s', source.path.name, note)
    with clock('writing'), rasterio.Env(GDAL_CACHEMAX=WRITE_CACHE):
        areas = counting.result()
        files = _write(source, image, areas, scheme, options, work)
    logger.info('%s: %s', source.path.name, clock.describe())
    notes = source.notes + blank
    return {'files': files, 'areas': areas, 'notes': notes}


def _write(
    source: RasterSource,
    image: np.ndarray,
    areas: list[ClassArea],
    scheme: LabelScheme,
    options: SceneOptions,
    work: WorkFolder,
) -> dict[str, str]:
    files, out = result_files(options), work.results
    metres = None
    if source.resolution is not None:
        metres = source.resolution[1] * source.shape[1] / image.shape[1]
    with (
        # Here as well, so that no thread restores what another one has set.
        ignore_warning(NotGeoreferencedWarning),
        label_draft(_labels(work), source, scheme, work.folder) as draft,
        ThreadPoolExecutor(max_workers=1) as other,
    ):
        writing = other.submit(write_cog, draft, out / files['labels'])
        write_style(out / files['style'], scheme)
        write_areas(areas, out / files['classes'])
        preview, title = out / files['preview'], source.path.name
        write_preview(preview, image, draft, scheme, areas, title, metres)
        writing.result()
    if options.scores:
        scores = ((at, s) for at, _, s in work.pieces() if s is not None)
        with score_draft(scores, source, scheme, work.folder) as draft:
            write_cog(draft, out / files['scores'])
    if options.polygons is not None:
        labels, target = out / files['labels'], out / files['polygons']
        write_polygons(labels, target, scheme, options.simplify)
    if options.stac_item:
        digest = fingerprint(work.job)
        item = out / files['item']
        write_item(item, source, scheme, files, work.job, digest)
    return files


def _labels(work: WorkFolder) -> Iterator[tuple[Block, np.ndarray]]:
    return ((block, labels) for block, labels, _ in work.pieces())
