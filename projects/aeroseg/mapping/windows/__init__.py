# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Windows over a scene, the model's scores, blended rows."""
