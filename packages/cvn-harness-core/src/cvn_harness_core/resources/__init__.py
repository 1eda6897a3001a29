"""Threads and memory: what this process tree may use, and what one fit needs."""
