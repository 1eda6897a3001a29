"""Hyperparameter search by Optuna: it drives the training path, and is not inside it.

One sampler is asked for trials in order, each time knowing all results but those of the last few
trials, which may still be running. So trials depend on neither the number of workers nor kills.
"""
