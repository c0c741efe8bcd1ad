"""The one tool loop, its tools, and the sandbox they run in."""
