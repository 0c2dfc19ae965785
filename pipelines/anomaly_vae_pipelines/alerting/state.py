"""State: what rules and cool-downs keep from run to run, as plain values in a small file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.cooldown import Cooldown
from anomaly_vae_pipelines.alerting.rules.silencing import Silencer
from anomaly_vae_pipelines.io.durable import atomic_write

FORMAT = 1


def spool_beside(path: Path) -> Path:
    """The spool that belongs to a state, or to a file of rules."""
    return path.with_name(f"{path.name}.spool")


def collect(cooldowns: Sequence[Cooldown], time: float | None, silencer: Silencer) -> dict[str, Any]:
    """The state of rules and cool-downs, by the name of the rule, the time of the last row, and silences."""
    rules = {
        cooldown.rule.name: {
            "settings": cooldown.rule.settings,
            "memory": cooldown.rule.get_state(),
            "cooldown": [list(cooldown.rule.options.key), cooldown.get_state()],
        }
        for cooldown in cooldowns
    }
    return {"format": FORMAT, "time": time, "rules": rules, "silences": silencer.get_state()}


def restore(state: dict[str, Any], cooldowns: Sequence[Cooldown], silencer: Silencer) -> float | None:
    """Restore the state of rules, cool-downs and silences; returns the time of the last row.

    A rule whose settings changed starts with an empty state. Raises ValueError for anything that ``collect``
    did not return.
    """
    if state.get("format") != FORMAT:
        raise ValueError(f"wanted format {FORMAT}, got {state.get('format')!r}")
    try:
        for cooldown in cooldowns:
            _restore_one(cooldown, state["rules"].get(cooldown.rule.name, {}))
        silencer.set_state(state.get("silences", {}))
        return None if state["time"] is None else float(state["time"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"is not a valid alert state ({type(error).__name__})") from error


def save(path: Path, state: dict[str, Any]) -> None:
    """Replace the file with this state; raises SinkError if it cannot be written."""
    atomic_write(path, json.dumps(state) + "\n")


def load(path: Path) -> dict[str, Any] | None:
    """The state in a file, or None if there is no file; raises InputError if it is not a valid state."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    except ValueError:
        state = None
    if not isinstance(state, dict):
        raise InputError(f"{path}: is not a valid alert state; delete it to start over")
    return state


def _restore_one(cooldown: Cooldown, state: dict[str, Any]) -> None:
    if state.get("settings") == cooldown.rule.settings:
        cooldown.rule.set_state(state["memory"])
    key, opened = state.get("cooldown", [None, None])
    if key == list(cooldown.rule.options.key):
        cooldown.set_state(opened)
