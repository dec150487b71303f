"""Runs the importer: `python tools/fabric-import model.py:build ...`."""

import sys

from fabric_import.cli import main

sys.exit(main())
