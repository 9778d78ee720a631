# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Pictures of images, label maps and errors, with a legend."""

from .comparison import draw_comparison
from .contact_sheet import contact_sheet
from .error_map import error_map
from .heat_map import heat_map, with_scale
from .legend import area_shares, draw_legend
from .overlay import colorize, overlay
from .panel import draw_panel, save_picture
from .panel_visualizer import PanelVisualizer
from .pca_colors import enlarge_cells, pca_colors

__all__ = [
    'PanelVisualizer',
    'area_shares',
    'colorize',
    'contact_sheet',
    'draw_comparison',
    'draw_legend',
    'draw_panel',
    'enlarge_cells',
    'error_map',
    'heat_map',
    'overlay',
    'pca_colors',
    'save_picture',
    'with_scale',
]
