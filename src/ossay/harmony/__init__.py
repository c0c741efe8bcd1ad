"""The chat format of gpt-oss: its vocabulary, what is rendered to it and what is read of it."""
