"""Plugins that watch a sweep: the hooks of the core, as any third party uses them."""
