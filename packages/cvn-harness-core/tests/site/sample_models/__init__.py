"""Small real models that the tests install as a third party would: a folder on sys.path."""
