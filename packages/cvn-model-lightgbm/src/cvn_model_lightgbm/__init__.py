"""LightGBM as a model of CVN Harness."""
