"""Trainers that a host makes once and calls for every cell: named, cached, timed."""
