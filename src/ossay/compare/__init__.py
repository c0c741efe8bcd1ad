"""Models side by side: pairs, leaderboards, families, checks of the records. Start with `pair`."""
