"""Sweeps that are ended from outside."""

import random

import pytest

from tests.faults.sweeps import Folder, answer

LONGEST = 8.0  # seconds until a signal, about what an undisturbed sweep takes


def test_killed_at_random_moments_again_and_again(campaign, tmp_path, experiment):
    """One chain of kills and new starts after another, until there were enough; at its end a sweep is finished."""
    fault = f"SIGKILL at a random moment, {experiment}"

    def chain(kills):
        chance, folder = random.Random(f"{experiment} {kills}"), Folder(tmp_path / str(kills), experiment)
        for _ in range(kills):
            sweep = folder.start()
            sweep.process.join(chance.uniform(0, LONGEST))
            sweep.process.kill()
            campaign.note(fault, answer(sweep.end()))
        folder.finish()
        campaign.compare(fault, folder)

    campaign.each(chain, range(2, campaign.trials(3, 9)))  # 2 kills, or 2 + 3 + ... + 8


@pytest.mark.usefixtures("in_campaign_alone")
def test_asked_to_stop_at_random_moments(campaign, tmp_path, experiment):
    fault = f"SIGTERM at a random moment, {experiment}"

    def trial(number):
        chance, folder = random.Random(f"{experiment} {number}"), Folder(tmp_path / str(number), experiment)
        sweep = folder.start()
        sweep.process.join(chance.uniform(0, LONGEST))
        sweep.process.terminate()
        campaign.note(fault, answer(sweep.end()))
        folder.finish()
        campaign.compare(fault, folder)

    campaign.each(trial, range(6))
