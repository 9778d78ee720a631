# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Type words in the browser and look at the map while it is made.

Examples:
  python tools/serve.py scene.tif --model my-model
  python tools/serve.py scenes/ --checkpoint iter_10000.pth --gsd 0.3 --open
  python tools/serve.py scene.tif --model my-model --out maps --port 8080
  python tools/serve.py scene.tif --model my-model --host 0.0.0.0 --token

The page is at http://127.0.0.1:8000/ and nobody else can reach it, unless
--host and --token say so. No request leaves this machine. Maps are written
to --out as predict.py writes them; a server that is started there again
resumes what was unfinished.

Without --model, --checkpoint and --config a model that needs no training is
used, with CLIP weights that are downloaded or given by --clip.
"""

import logging

from aeroseg.command_line import ToolParser, run_tool


def main() -> None:
    """Serve."""
    try:
        from aeroseg.serving.start import add_arguments, run
    except ModuleNotFoundError as error:
        raise ValueError(
            f"the page needs {error.name}: pip install 'aeroseg[web]'"
        ) from error
    parser = ToolParser(__doc__)
    add_arguments(parser)
    logging.basicConfig(level=logging.WARNING, format='%(message)s')
    logging.getLogger('aeroseg').setLevel(logging.INFO)
    run(parser.parse_args())


if __name__ == '__main__':
    run_tool(main, kept='Maps and finished rows are kept.')
