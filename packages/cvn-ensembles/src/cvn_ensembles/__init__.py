"""Ensembles for CVN Harness. None are registered in this release."""
