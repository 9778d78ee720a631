# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Prompt templates: sentences with a place for the class name."""

from collections.abc import Sequence

from mmseg.utils import get_predefined_templates
from open_clip import OPENAI_IMAGENET_TEMPLATES

_NAMED: dict[str, tuple[str, ...]] = {
    # The remote-sensing prompts of AerOSeg (section 3.1, after RS-CLIP).
    'aeroseg': (
        'A satellite image of a {}',
        'A land use image of a {}',
        'A remote sensing image of a {}',
        'An aerial image of a {}',
    ),
    # The paper's Baseline, Config-A and Config-B.
    'generic': ('A photo of a {} in a scene',),
    # What the published CAT-Seg and OVRS code uses.
    'catseg': ('A photo of a {} in the scene',),
    # The 14 of ViLD, with which SAN was published.
    'vild': tuple(get_predefined_templates('vild')),
    # CLIP's own ensemble of 80.
    'imagenet': tuple(t('{}') for t in OPENAI_IMAGENET_TEMPLATES),
}


def get_templates(templates: str | Sequence[str]) -> tuple[str, ...]:
    """Resolve the name of a prompt set, or check given templates.

    Args:
        templates (str | Sequence[str]): 'aeroseg', 'generic', 'catseg',
            'vild', 'imagenet', or sentences that hold '{}' once.

    Returns:
        tuple[str, ...]: P sentences with '{}' where the class name goes.

    Raises:
        ValueError: If the name is unknown or a sentence lacks '{}'.
    """
    if isinstance(templates, str):
        if templates not in _NAMED:
            raise ValueError(
                f'unknown prompt templates {templates!r}; allowed are '
                f'{sorted(_NAMED)} or a list of sentences with "{{}}"'
            )
        return _NAMED[templates]
    for sentence in templates:
        if sentence.count('{}') != 1:
            raise ValueError(
                f'the template {sentence!r} must hold "{{}}" once, where the '
                'class name goes'
            )
    if not templates:
        raise ValueError('no prompt template given; at least one is needed')
    return tuple(templates)
