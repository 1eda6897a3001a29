"""Hyperparameter search by Optuna: it drives the training path, and is not inside it.

Each trial is asked for by a sampler that is seeded by its number, and that sees the trials up to
the last few before it, which may still be running. So trials depend on neither the number of
workers nor kills.
"""
