"""Networks: one block class builds every variant of a family. Knows nothing of Lightning, Hydra or W&B.

This file imports no torch: a family's settings and checks (`family.py`, `*_spec.py`) are read where nothing is trained.
"""
