"""Turning scores into probabilities: fitted and judged while training, applied with NumPy alone."""
