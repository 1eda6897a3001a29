"""Hyperparameters from outside the program: a TOML file, the environment, a SQL table."""
