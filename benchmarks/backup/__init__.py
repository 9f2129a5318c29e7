"""Measures backups: how long an export, its way to the object store and back, and a restore take."""
