# Nothing is trained; docs/protocol.md, "Training-free methods".
_base_ = ['./_base_/sclip.py', './_base_/openearthmap.py']
