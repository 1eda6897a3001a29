"""What every model must do, a module for each group of checks."""
