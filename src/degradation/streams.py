"""Random draws as functions of what they are for: (seed, purpose, name), on the CPU, with no state to save."""

import hashlib

import torch


def generator(seed: int, purpose: str, name: str | int) -> torch.Generator:
    """A fresh CPU generator whose draws depend on the three arguments alone."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))
