"""ossay: run, measure and route open-weight language models."""

__version__ = "0.1.0"
