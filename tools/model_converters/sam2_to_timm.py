# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Extract the image encoder of an official SAM 2 checkpoint, for timm.

SAM2Guidance reads official files directly; this writes a smaller one without
memory, prompts and decoder.

Example:
  python tools/model_converters/sam2_to_timm.py sam2.1_hiera_base_plus.pt \
      sam2.1_hiera_base_plus_encoder.safetensors
"""

import argparse
from pathlib import Path

from safetensors.torch import save_file

from aeroseg.command_line import ToolParser, run_tool
from aeroseg.files import atomic_path
from aeroseg.models.guidance.sam2_pretrained import read_hiera


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('source', type=Path, help='official checkpoint, .pt')
    parser.add_argument('target', type=Path, help='.safetensors to write')
    return parser.parse_args()


def main() -> None:
    """Convert."""
    args = parse_args()
    if args.target.suffix != '.safetensors':
        raise ValueError(f'{args.target} must end with .safetensors')
    state = read_hiera(str(args.source))
    tensors = {name: value.contiguous() for name, value in state.items()}
    with atomic_path(args.target) as part:
        save_file(tensors, part)
    print(f'{len(tensors)} tensors written to {args.target}')


if __name__ == '__main__':
    run_tool(main)
