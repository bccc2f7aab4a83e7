"""Diagnostics: measurements on networks, one file each, on a cohort while it is trained or on finished runs.

A module of this package that holds a `DIAGNOSTIC` is a diagnostic; its name is the module's. See `diagnostic.py`.
"""
