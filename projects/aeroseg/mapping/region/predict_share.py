# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A share of a scene, for job arrays: runs that know nothing of each other."""

import logging
from contextlib import ExitStack
from pathlib import Path

from aeroseg.mapping.job.output_folder import claim_folder
from aeroseg.mapping.job.predict_scene import (
    disk_space,
    open_output,
    open_scene,
)
from aeroseg.mapping.job.scan_scene import lane_scans, scan_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.remote_scene import Scene
from aeroseg.mapping.stopwatch import Stopwatch
from aeroseg.mapping.windows.score_model import ScoreModel

from .blocks import make_blocks, share_of

logger = logging.getLogger(__name__)


def predict_share(
    model: ScoreModel,
    path: str | Scene,
    out: str | Path,
    scheme: LabelScheme,
    index: int,
    shares: int,
    options: SceneOptions | None = None,
    model_id: str = '',
) -> None:
    """Predict one of several shares of a scene into its work folder.

    The shares may run at any time and on any machine that sees the folder.
    :func:`predict_scene` then writes the results: it finds the rows.

    Args:
        model (ScoreModel): As of :func:`predict_scene`.
        path (str | Scene): As above.
        out (str | Path): As above; the same for all shares.
        scheme (LabelScheme): As above.
        index (int): Number of the share, from 1.
        shares (int): How many there are.
        options (SceneOptions | None): As above; the same for all shares.
        model_id (str): As above.

    Raises:
        FileNotFoundError: If the scene does not exist.
        ValueError: If there is no such share, another run works on it or on
            the whole scene, or as of :func:`predict_scene`.
        MemoryError: If a single window does not fit into memory.
    """
    if not 1 <= index <= shares:
        raise ValueError(
            f'there is no share {index} of {shares}; the first is 1 of '
            f'{shares}, the last {shares} of {shares}'
        )
    options = options or SceneOptions()
    with open_scene(path, options) as source, ExitStack() as stack:
        # Held only until the share itself is: other shares come as well.
        with claim_folder(Path(out)):
            folder = open_output(source, out, scheme, options, model_id)
            if folder.report is not None:
                logger.info('%s is already complete in %s', path, out)
                return
            needed = disk_space(source, scheme, options)
            work = stack.enter_context(folder.guard(needed, shared=True))
            stack.enter_context(work.hold_share(index, shares))
        scans = lane_scans(model, source, scheme, options)
        blocks = share_of(make_blocks(scans, shares), index, shares)
        scan_scene(model, source, scheme, options, work, Stopwatch(), blocks)
    logger.info('share %d of %d of %s is kept', index, shares, path)
