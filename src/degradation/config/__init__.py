"""The configuration: what may be set, its types, and every check that needs no training. Imports no torch."""

from degradation.config.cohort import Config, parse, parse_stored
from degradation.config.experiment import Experiment
from degradation.config.recipe import Recipe
from degradation.config.runtime import NoLogger, Runtime, WandbLogger

__all__ = ["Config", "Experiment", "NoLogger", "Recipe", "Runtime", "WandbLogger", "parse", "parse_stored"]
