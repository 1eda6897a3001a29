"""Hyperparameter search by Optuna: it drives the training path, and is not inside it.

A study is asked for trials in batches of fixed size, each trial by a sampler that is seeded by its
number and sees the batches before. So trials depend on neither the number of workers nor kills.
"""
