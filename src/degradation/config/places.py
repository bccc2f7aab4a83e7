"""Where the folder conf/ is, and how commands are called: in a checkout, and where the package is installed."""

from pathlib import Path

PACKAGED = Path(__file__).parents[1] / "conf"  # the wheel brings conf/ along
CHECKOUT = Path(__file__).parents[3]
INSTALLED = PACKAGED.is_dir()
CONF = PACKAGED if INSTALLED else CHECKOUT / "conf"


def command(verb: str) -> str:
    """What a user types to run a verb, a file in experiments/."""
    return f"degradation {verb}" if INSTALLED else f"python experiments/{verb}.py"
