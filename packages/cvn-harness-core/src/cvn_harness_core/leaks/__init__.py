"""Whether scores could have known the future: rows and fits derived again, and signs of a leak."""
