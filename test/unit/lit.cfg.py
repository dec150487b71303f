"""Runs every GoogleTest binary of the build tree."""

import os

import lit.formats

config.name = "Fabric-Unit"
config.suffixes = []
config.test_source_root = config.test_exec_root = os.path.join(
    config.fabric_obj_root, "test", "unit")
config.test_format = lit.formats.GoogleTest(".", "Test")
config.environment["OMP_NUM_THREADS"] = "1"
