# Methods without training, on the world's CLIP. SimFeatUp's weights are for
# features of width 512; the world's CLIP has 128, so nothing is upsampled.
# Prompts are those that the world's CLIP has learnt the words of.
_base_ = [
    './world_model.py',
    './world_data.py',
    '../../_base_/default_runtime.py',
]

model = dict(
    _delete_=True,
    type='TrainingFreeSegmentor',
    backbone=dict(
        type='DenseCLIP',
        model=_base_.clip_model,
        init_cfg=_base_.clip_weights,
    ),
    text_encoder=dict(
        type='OpenCLIPTextEncoder',
        model=_base_.clip_model,
        templates='aeroseg',
        init_cfg=_base_.clip_weights,
    ),
    global_bias=0,
    test_cfg=dict(mode='whole'),
)
train_dataloader = None
val_dataloader = None
val_evaluator = None
test_cfg = dict(type='TestLoop')
