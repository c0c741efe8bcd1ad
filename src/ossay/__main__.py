"""`python -m ossay` is `ossay`."""

from __future__ import annotations

from ossay.cli import main

if __name__ == "__main__":
    main()
