"""Matched pairs of plain and residual networks, trained over depth (the degradation problem, He et al. 2015)."""
