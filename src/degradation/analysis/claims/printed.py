"""Claims that repeat printed test errors of variants, as an experiment's file has them."""

from degradation.analysis.rules import Cell, Difference
from degradation.analysis.sources import TABLE_MARGIN, Claim, Published


def as_printed(
    experiment: str, published: Published, source: str, networks: str = "ResNet", after: str = ""
) -> list[Claim]:
    """One claim a printed number.

    Args:
        published: the experiment's printed test errors in percent.
        source: the table that has them.
        networks: what they are called.
        after: what sets their training apart from others', such as "after 500 passes".
    """
    return [
        Claim(
            "-".join([f"{experiment}/{variant.replace('_', '-')}", str(depth), *after.split()]),
            " ".join([f"{networks}-{depth} of the variant {variant} has {error} % test error", *after.split()]) + ".",
            source,
            Difference("test_error", Cell(experiment, variant, depth), error, "within", TABLE_MARGIN),
        )
        for variant, errors in published.items()
        for depth, error in errors.items()
    ]
