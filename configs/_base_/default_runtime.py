custom_imports = dict(imports=['aeroseg'])
default_scope = 'mmseg'

env_cfg = dict(
    cudnn_benchmark=True,
    # A worker process inherits what is loaded already; OpenCV's own threads
    # would compete with the workers.
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # The last checkpoint counts: choosing the best by u-mIoU or h-mIoU would
    # use labels of the unseen classes.
    checkpoint=dict(
        type='CheckpointHook', by_epoch=False, interval=1000, max_keep_ckpts=2
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
)
custom_hooks = [
    dict(type='AccelerationHook'),
    dict(type='VocabularyHook'),
    dict(type='TrainableHook'),
    dict(type='ProtocolHook'),
    # Reads a sample of the data before training; sample=0 turns it off.
    dict(type='DatasetCheckHook', sample=32),
    dict(type='TrainingStateHook', priority='HIGH'),
]
visualizer = dict(
    type='PanelVisualizer', vis_backends=[dict(type='LocalVisBackend')]
)
# For tools/test.py --tta: the model, and sizes relative to the test's, each
# with and without a horizontal flip. 'tta_pipeline' replaces the sizes.
tta_model = dict(type='OpenVocabTTA')
tta_ratios = (1.0, 0.75, 1.25)
log_processor = dict(by_epoch=False)
log_level = 'INFO'
accelerate = True  # linear layers on a CPU by oneDNN (aeroseg/acceleration.py)
load_from = None
resume = False
