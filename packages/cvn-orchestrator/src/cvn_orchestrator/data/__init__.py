"""Tables from files: what a plan says of them, whether they are sound, and shared arrays."""
