"""Which rows train, validate and test, fold by fold: calendars, purging, and a check for leaks."""
