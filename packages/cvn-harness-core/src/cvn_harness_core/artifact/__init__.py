"""What a training returns, and how it is kept on disk."""
