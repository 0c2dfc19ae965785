"""``anomaly-vae inspect``: shows what a model file contains, verified by loading it by default."""

from __future__ import annotations

from typing import Any

import click

from anomaly_vae.errors import ModelFileError
from anomaly_vae_pipelines.cli.charts import score_pairs
from anomaly_vae_pipelines.cli.options import json_option
from anomaly_vae_pipelines.cli.printing import (
    actual_rate,
    echo_json,
    echo_pairs,
    echo_table,
    image_text,
    nats,
    threshold_text,
)
from anomaly_vae_pipelines.plurals import counted


@click.command("inspect")
@click.argument("model")
@click.option("--untrusted", is_flag=True, help="Load the file in a child process with limits on resources.")
@click.option("--unverified", is_flag=True, help="Show the metadata of the file without loading it.")
@json_option
def command(model: str, untrusted: bool, unverified: bool, as_json: bool) -> None:
    """Show the metadata of MODEL, verified by loading it.

    These are its columns or image size, training, threshold and library versions. Use --untrusted for a file
    of unknown origin: a child process loads it, with limits on memory, time and processes. With --unverified
    nothing is loaded, which is faster.
    """
    from anomaly_vae.persistence import read_metadata, verified_metadata

    if unverified and untrusted:
        raise click.UsageError("--unverified loads nothing; leave out --untrusted")
    if unverified:
        metadata = read_metadata(model)
    else:
        metadata = verified_metadata(model, check_versions=False, isolated=untrusted)
    try:
        echo_json(metadata | {"verified": not unverified}) if as_json else _show(model, metadata, unverified)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{model}: its metadata are damaged ({error!r:.200})") from error


def _show(model: str, metadata: dict[str, Any], unverified: bool) -> None:
    training, threshold = metadata["training"], metadata["threshold"]
    tail = threshold.get("tail")  # missing in files of older formats
    shown = threshold_text(threshold["offset"], threshold["false_alarm_rate"], tail)
    per_row = "per image" if "image" in metadata else "per row"
    pairs = [
        *([("unverified", "these are statements of the file, which was not loaded")] if unverified else []),
        ("kind", metadata["kind"]),
        *_images(metadata),
        ("created", metadata["created"]),
        ("format", str(metadata["format"])),
        ("versions", _joined(metadata["versions"], " ")),
        (
            "trained",
            f"on {training['n_rows']:,} rows, {training['n_steps']:,} steps, {training['seconds']:.1f} s",
        ),
        ("ELBO", f"{nats(training['elbo_train'])} {per_row}, held out {nats(training['elbo_validation'])}"),
        *_thresholds(threshold, shown),
        *_actual_rate(metadata),
        ("calibrated", f"on {threshold['n_calibration']:,} held-out rows"),
        *_scores(threshold),
        *_verdicts(metadata),
        *_provenance(metadata),
        *_self_test(metadata),
        ("parameters", _joined(metadata["parameters"], "=")),
    ]
    echo_pairs(model, pairs)
    if metadata["schema"]:
        rows = [(column["name"], column["kind"], column["detail"]) for column in metadata["schema"]]
        echo_table(("column", "kind", "detail"), rows)


def _thresholds(threshold: dict[str, Any], shown: str) -> list[tuple[str, str]]:
    """Return the threshold, or the number of them and that of the model of all keys."""
    if "n_keys" not in threshold:
        return [("threshold", shown)]
    return [("threshold", threshold_text(None, None, None, threshold["n_keys"])), ("other keys", shown)]


def _images(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    """Return size and channels of an image model."""
    if "image" not in metadata:
        return []
    height, width = metadata["image"]["size"]
    return [("images", image_text(int(height), int(width), int(metadata["image"]["channels"])))]


def _actual_rate(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the interval of the actual false-alarm rate if it is wide; only verified metadata have one."""
    threshold, noun = metadata["threshold"], "image" if "image" in metadata else "row"
    interval = threshold.get("false_alarm_interval")
    return actual_rate(threshold["false_alarm_rate"], interval, threshold["n_calibration"], noun)


def _scores(threshold: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the chart of the calibration scores; only verified metadata have one."""
    from anomaly_vae.score_bins import ScoreBins

    return score_pairs(ScoreBins(**threshold["histogram"])) if "histogram" in threshold else []


def _verdicts(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the numbers of verdicts that the model learned from, if it did."""
    if "verdicts" not in metadata:
        return []
    counts = metadata["verdicts"]
    return [("verdicts", f"{counts['normal']:,} normal, {counts['anomalous']:,} anomalous")]


def _provenance(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the steps that the model comes from, oldest first; the file states them."""
    return [pair for step in metadata.get("provenance", []) for pair in _step(step)]


def _step(step: dict[str, Any]) -> list[tuple[str, str]]:
    made = step.get("command", "without a command line")
    pairs = [("made by", f"{made} ({step.get('created', 'at an unknown time')})")]
    if "parent" in step:
        pairs.append(("from model", str(step["parent"])))
    if "data" in step:
        pairs.append(("data", _data(step["data"])))
    return pairs


def _data(data: dict[str, Any]) -> str:
    parts = [str(data.get("name", "without a name"))]
    parts += [counted(data[f"{noun}s"], noun) for noun in ("row", "column") if f"{noun}s" in data]
    if "time" in data:
        parts.append(f"{data['time']} from {data.get('first')} to {data.get('last')}")
    if "sha256" in data:
        parts.append(f"SHA-256 {data['sha256']}")
    return ", ".join(parts)


def _self_test(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the number of rows that are scored on loading; files of older formats have none."""
    if metadata.get("self_test") is None:
        return []
    n_rows = len(metadata["self_test"]["scores"])
    return [("self-test", counted(n_rows, "generated row"))]


def _joined(mapping: dict[str, Any], sign: str) -> str:
    return ", ".join(f"{name}{sign}{value}" for name, value in mapping.items())
