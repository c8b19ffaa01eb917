"""A Dask cluster as the executor of an ensemble: a lost worker loses nothing."""

from __future__ import annotations

import os
import time

import pytest

from repro.errors import ReproError
from repro.run import gather
from repro.sides.executors import dask

distributed = pytest.importorskip(
    "distributed", reason="NOT RUN: dask.distributed is not installed: pip install distributed"
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


class Slow:
    """A member that takes a while, and leaves a mark of where it ran."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, seed: int):
        from pathlib import Path

        Path(self.folder, f"{seed}-{os.getpid()}").touch()
        time.sleep(0.2)
        return {"loss": 1.0 + seed}


def test_a_worker_that_is_killed_half_way_loses_nothing(tmp_path):
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, dask(cluster.scheduler_address) as executor:
        done = []

        def tick() -> None:
            done.append(time.monotonic())
            if len(done) == 4:
                next(iter(cluster.workers.values())).process.process._process.kill()

        found = gather(Slow(str(tmp_path)), range(16), executor=executor, tick=tick)
    assert found.quantities["loss"].values[0].tolist() == [1.0 + seed for seed in range(16)]
    ran_by = {path.name.split("-")[1] for path in tmp_path.iterdir()}
    assert len(ran_by) >= 2, "both workers took part, before one was killed"


def test_nobody_at_the_address_is_one_line():
    with pytest.raises(ReproError, match="start one with"), dask("tcp://127.0.0.1:9"):
        pass
