"""Exit codes of commands."""

from degradation.training.deadline import EXIT_CODE

FAILED = 1
WRONG_CONFIGURATION = 2
OUT_OF_TIME = EXIT_CODE
STOPPED = 130  # by Ctrl-C or SIGTERM
