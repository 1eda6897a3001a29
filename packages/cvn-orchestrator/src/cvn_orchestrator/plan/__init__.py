"""A sweep as a TOML file: what it says, checked as a whole, each fault with its line."""
