"""The page of a sweep: one module for each of its sections."""
