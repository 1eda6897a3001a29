"""What sweeps found, row by row, in a database."""
