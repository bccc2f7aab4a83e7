"""Files of a run's folder that are cut or filled with noise, between two calls of the same command."""

import random
import shutil
from pathlib import Path

import pytest

from degradation.records.run import CHECKPOINT
from tests.faults.sweeps import answer, damaged

WAYS = ("cut", "noise", "bit")
NOT_READ_AGAIN = ("environment.json", "status.json", CHECKPOINT)  # of an ended run; of status.json a part


@pytest.mark.parametrize("state", ["ended", "interrupted"])
def test_damage_is_named_and_mended_or_of_no_matter(campaign, undisturbed, interrupted, tmp_path, experiment, state):
    source = {"ended": undisturbed, "interrupted": interrupted}[state](experiment)
    folder_of_run = source.run_files[-1].parent  # the deepest cohort; that of an interrupted sweep is the first
    if state == "interrupted":
        (folder_of_run,) = {file.parent for file in source.run_files}
    files = [file.relative_to(source.path) for file in source.run_files if file.parent == folder_of_run]
    turns = {file: 2 if file.name == CHECKPOINT else 1 for file in files}
    trials = [(file, how, turn) for file in files for how in WAYS for turn in range(turns[file])]
    if experiment != "sine_smoke" or not campaign.full:
        trials = random.Random(experiment + state).sample(trials, campaign.trials(1, 6))

    def trial(chosen):
        file, how, turn = chosen
        folder = source.copy(tmp_path / f"{file.name}-{how}-{turn}")
        path = folder.path / file
        path.write_bytes(damaged(path.read_bytes(), how, random.Random(f"{file.name} {state} {how} {turn}")))
        shutil.rmtree(folder.path / "results", ignore_errors=True)
        ended = folder.run()
        fault = f"{file.name} of an {state} run cut, with noise or a wrong bit, {experiment}"
        if answer(ended) == "finished":
            named = str(file) in ended.said
            assert named or file.name in NOT_READ_AGAIN or state == "interrupted", ended.said
            campaign.note(fault, "named, trained again" if named else "of no matter")
        else:
            assert str(file) in ended.said or str(file.parent) + " holds another" in ended.said, ended.said
            campaign.note(fault, "refused with a sentence")
            follow(ended.said, folder, path)
        campaign.compare(fault, folder)

    campaign.each(trial, trials)


def follow(said: str, folder, path: Path) -> None:
    """Do what the sentence says."""
    if "runtime.restart=true" in said:
        assert answer(folder.run("runtime.restart=true")) == "finished"
        return
    assert "Move or delete that folder" in said
    shutil.rmtree(path.parent)
    folder.finish()
