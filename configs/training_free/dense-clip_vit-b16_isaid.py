# Nothing is trained; docs/protocol.md, "Training-free methods".
_base_ = ['./_base_/dense-clip.py', './_base_/isaid.py']
