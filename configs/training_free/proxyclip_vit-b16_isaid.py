# Nothing is trained; docs/protocol.md, "Training-free methods".
_base_ = ['./_base_/proxyclip.py', './_base_/isaid.py']
