"""The networks of He et al. 2015, section 4.2, for torch.hub: `torch.hub.load(".", "resnet56", source="local")`."""

import sys as _sys
from pathlib import Path as _Path

_sys.path.insert(0, str(_Path(__file__).parent / "src"))  # the project need not be installed

from degradation.networks import (
    plain20,
    plain32,
    plain44,
    plain56,
    plain110,
    resnet20,
    resnet32,
    resnet44,
    resnet56,
    resnet110,
)

dependencies = ["torch"]
__all__ = [
    "plain20", "plain32", "plain44", "plain56", "plain110", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110",
]  # fmt: skip
