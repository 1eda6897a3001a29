"""Ensembles for CVN Harness: one module each, found through entry points."""
