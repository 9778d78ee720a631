# AerOSeg with the pixels of unseen classes left out of the loss.
_base_ = './aeroseg_world.py'

model = dict(
    decode_head=dict(
        loss_decode=[dict(type='OpenVocabBCELoss', ignored='excluded')]
    )
)
