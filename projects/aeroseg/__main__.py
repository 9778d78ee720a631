# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""`python -m aeroseg COMMAND`, and with it `torchrun -m aeroseg COMMAND`."""

from aeroseg_console import main

main()
