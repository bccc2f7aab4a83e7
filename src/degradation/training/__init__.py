"""Training: cohorts, engines, schedules, callbacks, one job."""
