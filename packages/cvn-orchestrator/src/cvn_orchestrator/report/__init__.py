"""What people read in a browser: one file each, self-contained, without a network."""
