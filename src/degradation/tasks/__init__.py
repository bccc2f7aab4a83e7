"""Tasks: what is learned, and the seeded order in which examples are taken. This file imports no torch."""
