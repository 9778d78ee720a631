# CAT-Seg (CVPR 2024) built from AerOSeg's modules: one rotation, one prompt,
# CLIP's own maps as guidance, no attention in the decoder, no
# back-projection. Equal to the published network (tests/test_golden.py).
_base_ = './aeroseg_vit-b16_sam-l.py'

model = dict(
    backbone=dict(
        rotations=(0,),
        out_indices=(3, 7),  # blocks 4 and 8 of 12
    ),
    text_encoder=dict(templates='catseg'),
    guidance_encoder=dict(_delete_=True, type='CLIPGuidance'),
    decode_head=dict(
        attention=False,
        guidance_index=(0, 1),
        guidance_upsample='deconv',
    ),
    auxiliary_head=None,
    # Four windows and a view of the whole, on images of 640 px.
    test_cfg=dict(
        mode='slide_global', crop_size=(384, 384), stride=(256, 256)
    ),
)
