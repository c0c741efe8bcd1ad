"""The nouns and protocols that every room shares. Start with `types` and `task`."""
