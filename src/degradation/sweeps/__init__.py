"""Sweeps: the plan of all jobs, checked before any is started, and what is shown while they run.

The sweeper that uses both is `hydra_plugins.degradation_sweeper`, where Hydra looks for it.
"""
