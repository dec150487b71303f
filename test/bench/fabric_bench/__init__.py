"""Benches of Fabric, by end-to-end figure."""
