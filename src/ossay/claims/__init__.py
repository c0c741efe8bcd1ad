"""Sentences about results in checkable form, and their verdicts. Start with `claim`."""
