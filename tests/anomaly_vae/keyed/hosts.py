"""A table of hosts, each with its own usual numbers and categories, and detectors fitted on it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from anomaly_vae import PerKey, TabularVAEDetector, load_scorer, save
from anomaly_vae.per_key_scorer import PerKeyScorer

HOSTS = ("a", "b", "c")
RARE = "rare"


def hosts(n_rows: int, seed: int, n_rare: int = 12) -> pd.DataFrame:
    """About n_rows rows of three hosts in random order, and a few of a rare one and without one."""
    random = np.random.default_rng(seed)
    names = np.concatenate([random.choice(HOSTS, n_rows), np.repeat([RARE], n_rare)])
    level = pd.Series(names).map({"a": 0.0, "b": 20.0, "c": 20.0, RARE: 5.0}).to_numpy()
    spread = np.where(names == "c", 5.0, 1.0)
    size = random.normal(size=len(names))
    table = pd.DataFrame(
        {
            "load": level + spread * size,
            "host": names,
            "heat": 3.0 * level + spread * (size + 0.3 * random.normal(size=len(names))),
            "disk": np.where((names == "b") ^ (random.random(len(names)) < 0.1), "slow", "fast"),
        }
    )
    table["note"] = pd.Series(random.normal(size=len(table))).where(random.random(len(table)) < 0.8)
    table.loc[random.choice(len(table), 5, replace=False), "host"] = None
    return table.sample(frac=1.0, random_state=seed).reset_index(drop=True)


def untrained(**parameters: Any) -> PerKey:
    """A detector that is quickly fitted."""
    settings: dict[str, Any] = {
        "novelty": True,
        "max_steps": 30,
        "validation_fraction": 0.25,
        "hidden_sizes": (8,),
        "random_state": 0,
    }
    return PerKey(TabularVAEDetector(**{**settings, **parameters}), key="host")


@cache
def fitted() -> PerKey:
    """Fitted on 450 rows of three hosts; shared by tests, which must not change it."""
    return untrained(validation_fraction=0.5).fit(hosts(450, 0))


@cache
def scorer() -> PerKeyScorer:
    """The same model without what fits, from its file."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        save(fitted(), f"{folder}/model.avae")
        found = load_scorer(f"{folder}/model.avae")
    assert isinstance(found, PerKeyScorer)
    return found


@cache
def fresh() -> pd.DataFrame:
    """New rows of the same hosts, of a rare one, of a new one, and without one."""
    rows = hosts(120, 1)
    rows.loc[:4, "host"] = "new"
    return rows
