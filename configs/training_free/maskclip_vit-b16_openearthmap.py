# Nothing is trained; docs/protocol.md, "Training-free methods".
_base_ = ['./_base_/maskclip.py', './_base_/openearthmap.py']
