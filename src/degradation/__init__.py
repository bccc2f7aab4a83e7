"""Matched pairs of plain and residual networks, trained over depth (the degradation problem, He et al. 2015).

What a program takes from here is imported when it is first asked for, so that the package itself imports nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from degradation.config.configure import configure as configure
    from degradation.training.finished import load_networks as load_networks
    from degradation.training.lit import LitNetwork as LitNetwork
    from degradation.training.lit_data import LitData as LitData
    from degradation.training.pair import pair as pair

    __version__: str

PLACES = {
    "LitData": "training.lit_data",
    "LitNetwork": "training.lit",
    "configure": "config.configure",
    "load_networks": "training.finished",
    "pair": "training.pair",
}


def __getattr__(name: str) -> Any:
    if name in PLACES:
        return getattr(import_module(f"degradation.{PLACES[name]}"), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("degradation")  # pyproject.toml's
    raise AttributeError(f"module 'degradation' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *PLACES, "__version__"])
