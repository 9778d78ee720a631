# The tiny model with a dataset, prompts, guidance and loss of one's own.
_base_ = '../configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'

custom_imports = dict(imports=['aeroseg', 'harbour'])
dataset = dict(type='HarbourDataset', data_root='data/harbour')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
model = dict(
    vocabulary=dict(dataset='HarbourDataset', classes='seen'),
    text_encoder=dict(
        templates=('A port with a {}', 'A {} seen from a satellite')
    ),
    guidance_encoder=dict(_delete_=True, type='TimmGuidance'),
    decode_head=dict(loss_decode=[dict(type='OpenVocabFocalLoss', gamma=2.0)]),
)
