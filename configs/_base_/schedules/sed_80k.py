# The recipe of SED (configs/convnextB_768.yaml of its code): AdamW, 2e-4, the
# image tower a hundredth of it, 80,000 iterations, batch 4, cosine to zero.
# Norms do not decay, except those of the decoder's ConvNeXt blocks: the
# published code does not recognise its own norm layer as one.
_base_ = './catseg_80k.py'

clip_norm = dict(lr_mult=0.01, decay_mult=0.0)
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={
            # The longest key that a name holds counts.
            'trunk.stem.1.': clip_norm,
            '.downsample.0.': clip_norm,
            '.norm.weight': clip_norm,
            '.norm.bias': clip_norm,
            'spatial.norm.': dict(decay_mult=1.0),
        }
    )
)
