# tools/train.py CONFIG --memory 12gb
_base_ = './8gb.py'

images_at_once = 2
