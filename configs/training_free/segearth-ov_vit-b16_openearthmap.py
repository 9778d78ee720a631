# Nothing is trained; docs/notes/systems.md, "Training-free methods".
_base_ = ['./_base_/segearth-ov.py', './_base_/openearthmap.py']
