"""Figures from tables: each function takes an Axes and a data frame. Knows nothing of torch."""
