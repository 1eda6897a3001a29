"""Sizes as people write them."""

from __future__ import annotations

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def bytes_of(text: str) -> int:
    """Return the bytes of a size such as 500M or 2G (powers of 1024); raise ValueError."""
    number = text.strip().upper().removesuffix("B")
    unit = number[-1:] if number[-1:] in _UNITS else ""
    value = float(number.removesuffix(unit)) * _UNITS[unit]
    if not 0 <= value < 1 << 63:
        message = f"{text} is no size"
        raise ValueError(message)
    return int(value)


def readable(size: int) -> str:
    """Return bytes as people write them, to three digits: ``1.5 GiB``."""
    units = [(factor, unit) for unit, factor in _UNITS.items() if size >= factor]
    factor, unit = units[-1] if units else (1, "")
    return f"{size / factor:.3g} {unit}iB" if unit else f"{size} B"
