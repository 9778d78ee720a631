# SED: trained at 768 px; tested at 640 px, which the model resizes to 768.
_base_ = './dlrsd_640.py'

image_size = (768, 768)
train_pipeline = _base_.train_pipeline
train_pipeline[2].update(scale=min(image_size), max_size=2666)
train_pipeline[3].update(crop_size=image_size)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
predictor = dict(window=768, scale=3.0)  # of 256-pixel tiles
