"""Results from anywhere, read into `core.results`. Start with `read`."""
