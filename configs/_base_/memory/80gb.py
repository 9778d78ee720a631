# tools/train.py CONFIG --memory 80gb
# The whole batch at once.
_base_ = './24gb.py'

images_at_once = 4
