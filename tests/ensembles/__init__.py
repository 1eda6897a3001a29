"""Ensembles of the three models, through the entry point that users call."""
