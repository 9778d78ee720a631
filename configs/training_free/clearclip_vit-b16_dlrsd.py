# Nothing is trained; docs/protocol.md, "Training-free methods".
_base_ = ['./_base_/clearclip.py', './_base_/dlrsd.py']
