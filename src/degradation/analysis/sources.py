"""What a claim is, the sources that claims quote, and the margins of their rules."""

from collections.abc import Mapping
from dataclasses import dataclass

from degradation.analysis.findings import Finding
from degradation.analysis.rules import Evidence, Rule

HE2015 = "He et al. 2015 (1512.03385)"
HE2016 = "He et al. 2016 (1603.05027)"
ARTICLE = "Kowsik 2021, the sine figure"
LI2018 = "Li et al. 2018 (1712.09913), section 6, Fig. 5"
OF_18_LAYERS = f"{HE2015}, section 4.1, of 18 layers on ImageNet"

Published = Mapping[str, Mapping[int, float]]  # printed test errors in percent by variant and depth

# Statements that several experiments test, and the key of the one that the report speaks of.
DEGRADES = "Deeper plain networks have a higher training error (on the sine: loss), so it is not overfitting."
DOES_NOT_DEGRADE = (
    "Residual networks do not degrade: from shallow to deep their training error rises by less than a point (on the "
    "sine: loss, less than twofold), and they learn the task."
)
BEATS = "A deep residual network has a lower test error (on the sine: loss) than the plain one of equal depth."
CLOSE = "Plain and residual networks of moderate depth are comparably accurate."
GAINS = "residual-test-error-falls"

ERROR_MARGIN = 1.0  # points: about the seeds' spread of CIFAR-10 test errors, doubled
TABLE_MARGIN = 0.6  # points around a printed error: 0.16 to 0.47 is the published spread over seeds
TABLE_SD = 0.35  # points: a published spread of residual networks over seeds (44 layers), in the upper half of them
LOSS_MARGIN = 0.3  # decades: a factor of two
LEARNED_ERROR = 45.0  # percent: half of guessing among ten classes; an error below it is one of a network that learned
LEARNED_LOSS = 0.5  # decades below predicting the mean: a third of its loss, likewise
EXACT = 0.1  # points: about one training image of the digits
HEALTHY = 1.0  # decades that a signal or gradient may change from one end of a network to the other


@dataclass(frozen=True)
class Claim:
    """A published statement and its rule.

    Attributes:
        id: the experiment that tests it, a slash, and a key. Claims with one key have one statement: it is what several
            experiments test.
        statement: a sentence.
        source: who states it, and of what.
        rule: what decides.
        known: whether results of the experiment, or a probe of them, were known when the claim was entered or its rule
            changed; its verdict then states them and predicts nothing.
    """

    id: str
    statement: str
    source: str
    rule: Rule
    known: bool = False

    def judge(self, evidence: Evidence) -> Finding:
        return self.rule.judge(evidence)

    @property
    def key(self) -> str:
        """What several experiments share that test the statement."""
        return self.id.split("/")[1]

    @property
    def experiment(self) -> str:
        """The experiment that it is listed under."""
        return self.rule.experiments[0]
