"""The training path against plain scripts that use each library directly: not one bit apart."""
