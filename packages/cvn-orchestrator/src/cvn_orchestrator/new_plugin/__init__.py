"""`cvn new-plugin`: a complete package for a plugin, from templates."""
