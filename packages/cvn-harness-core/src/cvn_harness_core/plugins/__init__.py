"""How plugins are found, loaded and called."""
