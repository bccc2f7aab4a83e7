"""What a claim is, the sources that claims quote, and the margins of their rules."""

from dataclasses import dataclass

from degradation.analysis.rules import Evidence, Finding, Rule

HE2015 = "He et al. 2015 (1512.03385)"
ARTICLE = "Kowsik 2021, the sine figure"
LI2018 = "Li et al. 2018 (1712.09913), table 1"

ERROR_MARGIN = 1.0  # points: about the seeds' spread of CIFAR-10 test errors, doubled
TABLE_MARGIN = 0.6  # points around a printed error: 0.16 to 0.47 is the published spread over seeds
TABLE_SD = 0.35  # points: a published spread of residual networks over seeds (44 layers), in the upper half of them
LOSS_MARGIN = 0.3  # decades: a factor of two
HEALTHY = 1.0  # decades that a signal or gradient may change from one end of a network to the other


@dataclass(frozen=True)
class Claim:
    """A published statement and its rule. The id begins with the experiment that tests it."""

    id: str
    statement: str
    source: str
    rule: Rule

    def judge(self, evidence: Evidence) -> Finding:
        return self.rule.judge(evidence)

    @property
    def experiment(self) -> str:
        """The experiment that it is listed under."""
        return self.rule.experiments[0]
