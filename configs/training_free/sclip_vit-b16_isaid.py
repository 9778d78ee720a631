# Nothing is trained; docs/notes/systems.md, "Training-free methods".
_base_ = ['./_base_/sclip.py', './_base_/isaid.py']
