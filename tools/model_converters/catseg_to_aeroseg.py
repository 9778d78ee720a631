# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Rename a published CAT-Seg, OVRS or SED checkpoint for AerOSeg.

Examples:
  python tools/model_converters/catseg_to_aeroseg.py model_final.pth catseg.pth
  python tools/model_converters/catseg_to_aeroseg.py sed_model_base.pth sed.pth
"""

import torch

from aeroseg.checkpoints.published_keys import convert_published
from aeroseg.checkpoints.read import read_weights
from aeroseg.command_line import ToolParser, run_tool
from aeroseg.files import atomic_path


def main() -> None:
    """Convert one file."""
    parser = ToolParser(__doc__)
    parser.add_argument('source', help='checkpoint of detectron2 (.pth)')
    parser.add_argument('target', help='file to write')
    args = parser.parse_args()
    try:
        converted = convert_published(read_weights(args.source))
    except ValueError as error:
        if args.source in str(error):
            raise
        raise ValueError(f'{args.source}: {error}') from error
    with atomic_path(args.target) as part:
        torch.save({'state_dict': converted}, part)
    print(f'wrote {len(converted)} tensors to {args.target}')


if __name__ == '__main__':
    run_tool(main)
