"""`degradation VERB ...`, or `python -m degradation VERB ...`."""

import sys

from degradation.commands.verbs import run


def main() -> None:
    run(sys.argv[1:])


if __name__ == "__main__":
    main()
