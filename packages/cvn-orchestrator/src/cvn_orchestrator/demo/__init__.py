"""The main job on real daily bars: models and ensembles of them, walk-forward, side by side."""
