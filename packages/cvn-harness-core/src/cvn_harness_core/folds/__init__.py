"""Which rows may be used for what: divisions in time, purged by label end."""
