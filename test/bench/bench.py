#!/usr/bin/env python3
"""Measures what the README's figures say, and prints them as a table; see README.md."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fabric_bench.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
