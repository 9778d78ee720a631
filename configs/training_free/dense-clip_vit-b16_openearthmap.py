# Nothing is trained; docs/notes/systems.md, "Training-free methods".
_base_ = ['./_base_/dense-clip.py', './_base_/openearthmap.py']
