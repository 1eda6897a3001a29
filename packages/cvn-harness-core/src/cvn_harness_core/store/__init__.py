"""The content-addressed store: what was trained once is not trained again."""
