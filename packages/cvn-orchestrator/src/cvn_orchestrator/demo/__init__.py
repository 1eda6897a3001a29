"""The main job on real daily bars: three models, walk-forward, one table."""
