"""Networks: one block class builds every variant of a family. Knows nothing of Lightning, Hydra or W&B.

This file imports no torch: a family's settings and checks (`family.py`, `*_spec.py`) are read where nothing is trained.
The networks of the literature (`named.py`) are imported when they are first asked for.
"""

from typing import TYPE_CHECKING, Any

from degradation.networks.cifar_spec import PUBLISHED

if TYPE_CHECKING:
    from degradation.networks.named import plain20 as plain20
    from degradation.networks.named import plain32 as plain32
    from degradation.networks.named import plain44 as plain44
    from degradation.networks.named import plain56 as plain56
    from degradation.networks.named import plain110 as plain110
    from degradation.networks.named import resnet20 as resnet20
    from degradation.networks.named import resnet32 as resnet32
    from degradation.networks.named import resnet44 as resnet44
    from degradation.networks.named import resnet56 as resnet56
    from degradation.networks.named import resnet110 as resnet110

NAMED = [f"{kind}{depth}" for kind in ("plain", "resnet") for depth in PUBLISHED]


def __getattr__(name: str) -> Any:
    if name in NAMED:
        from degradation.networks import named

        return getattr(named, name)
    raise AttributeError(f"module 'degradation.networks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *NAMED])
