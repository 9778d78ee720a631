# A convolutional CLIP for SED, trained by studies/pretrain_world.py on the
# captions of the ViT's. It sees scenes at twice their size: 16 x 16 cells.
clip_model = dict(
    embed_dim=128,
    vision_cfg=dict(
        timm_model_name='test_convnext2', timm_pool='', timm_proj='linear'
    ),
    text_cfg=dict(context_length=32, width=128, heads=4, layers=3),
)
clip_weights = dict(
    type='CLIPPretrained',
    checkpoint='{{ fileDirname }}/../weights/world_convnext.safetensors',
)
