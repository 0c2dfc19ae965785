"""model_card: a model card in Markdown, in the form of Hugging Face's, made from JSON values alone.

The metadata at its head have no ``pipeline_tag``: the tasks of the Hub have no anomaly detection, and a
classifier of tables, which is one of them, is another thing.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.reports.figures import percent, threshold_pairs

Facts = Mapping[str, Any]

_HEAD = """---
library_name: anomaly-vae
tags:
- anomaly-detection
- outlier-detection
- variational-autoencoder
- {modality}
---
"""


def model_card(model: Facts) -> str:
    """The card of what ``model_facts`` returned, or of its JSON.

    Command lines and the folders of files are left out, as cards are made to be published.
    """
    name, noun = _name(model["path"]), "row" if model["image"] is None else "image"
    parts = [
        _HEAD.format(modality="tabular" if noun == "row" else "image"),
        f"# Model Card for {_code(name)}\n",
        *_details(model, noun),
        *_uses(noun),
        *_limits(model["threshold"], noun),
        *_start(name, noun),
        *_training(model, noun),
        *_evaluation(model, noun),
        "## Technical Specifications\n",
        _table(("software", "version"), model["versions"].items()),
    ]
    return "\n".join(parts)


def _details(model: Facts, noun: str) -> list[str]:
    what = "rows of a table" if noun == "row" else "images"
    score = (
        "a lower bound on the log probability of the row, in nats"
        if noun == "row"
        else "in nats: the log of a p-value, or a lower bound on the log probability of the image"
    )
    pairs = [
        ("detector", _code(model["kind"])),
        ("inputs", _inputs(model)),
        ("latent dimensions", str(model["training"]["latent_dim"])),
        ("created", _text(str(model["created"]))),
        ("SHA-256 of the file begins with", _code(model["model_id"])),
    ]
    if model["verdicts"] is not None:
        learned = ", ".join(f"{count:,} {kind}" for kind, count in model["verdicts"].items())
        pairs.append(("verdicts that it learned from", learned))
    return [
        "## Model Details\n",
        f"A variational autoencoder that finds anomalous {what}, and what about them is unusual. "
        f"Its score is {score}; higher is more normal.\n",
        _pairs(pairs),
        *_columns(model),
    ]


def _inputs(model: Facts) -> str:
    if model["image"] is not None:
        height, width = model["image"]["size"]
        return f"{height} x {width} pixels, {'grey' if model['image']['channels'] == 1 else 'colour'}"
    kinds = Counter(column["kind"] for column in model["columns"])
    return (
        f"{counted(len(model['columns']), 'column')}: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}"
    )


def _columns(model: Facts) -> list[str]:
    if not model["columns"]:
        return []
    steps = ", after the steps of its Pipeline" * (len(model["steps"]) > 1)
    rows = [(_code(one["name"]), one["kind"], _text(one["detail"])) for one in model["columns"]]
    return [f"### Columns{steps}\n", _table(("column", "kind", "detail"), rows)]


def _uses(noun: str) -> list[str]:
    other = {
        "row": "Series in which the order of rows matters: each row is scored by itself.",
        "image": "Images of other objects, or taken in another way, than those of the training.",
    }
    return [
        "## Uses\n",
        "### Direct Use\n",
        f"To find new {noun}s that are unlike those of the training, with reasons.\n",
        "### Out-of-Scope Use\n",
        _list([other[noun], "Known kinds of anomalies with many labelled examples: a classifier is better."]),
    ]


def _limits(threshold: Facts, noun: str) -> list[str]:
    rate = threshold["false_alarm_rate"]
    if rate is None:
        held = "The threshold has no false-alarm rate: how many normal ones it flags is not known."
    elif threshold["tail"] == "gpd":
        held = f"The false-alarm rate of {percent(rate)} is an estimate from the tail of the scores."
    else:
        held = (
            f"The false-alarm rate of at most {percent(rate)} holds on average over calibrations, not for "
            "each. The interval below is for this one."
        )
    like = f"The false-alarm rate is that of {noun}s like those of the calibration"
    like += ". If the data drift, which `anomaly-vae drift` shows, it changes." if noun == "row" else "."
    return [
        "## Bias, Risks, and Limitations\n",
        _list(
            [
                f"An anomaly is unlike the training {noun}s. The score does not say whether it is a fault, a "
                "fraud or an error.",
                f"Kinds of {noun}s that are rare in the training data score lower: more of them are flagged.",
                held,
                *([like] if rate is not None else []),
                "This card is made from the model file alone. It has no licence and no figures from labelled "
                "data; add both before you publish it.",
            ]
        ),
    ]


def _start(name: str, noun: str) -> list[str]:
    new = "new.csv" if noun == "row" else "new/"
    takes = "a DataFrame with the columns that it was fitted on" if noun == "row" else "an array of images"
    return [
        "## How to Get Started with the Model\n",
        f"```sh\nanomaly-vae score {shlex.quote(name)} {new} -o scored.csv\n```\n",
        f"In Python, where `X` is {takes}:\n",
        "```python\nfrom anomaly_vae import load_scorer\n\n"
        f"scorer = load_scorer({name!r})\n"
        "scores = scorer.score_samples(X)   # in nats; higher is more normal\n"
        "anomalous = scorer.predict(X) == -1\n```\n",
    ]


def _training(model: Facts, noun: str) -> list[str]:
    training = model["training"]
    steps = [_step(step) for step in model["provenance"]] or ["The file does not state it."]
    return [
        "## Training Details\n",
        "### Training Data\n",
        "What the file states, which nothing can prove:\n",
        _list(steps),
        "### Training Procedure\n",
        f"{counted(training['n_rows'], noun)}, {counted(training['n_steps'], 'step')}, "
        f"{training['seconds']:.1f} s.\n",
    ]


def _step(step: Facts) -> str:
    """A step of the provenance, without its command line."""
    parts = [_text(f"{step.get('step', 'step')}, {step.get('created', 'at an unknown time')}")]
    data = step.get("data", {})
    if "name" in data:
        parts.append(f"data {_code(_name(data['name']))}")
    parts += [counted(data[f"{noun}s"], noun) for noun in ("row", "column") if f"{noun}s" in data]
    if "time" in data:
        times = _text(f"{data.get('first')} to {data.get('last')}")
        parts.append(f"{_code(data['time'])} from {times}")
    if "sha256" in data:
        parts.append(f"SHA-256 {_code(data['sha256'])}")
    if "parent" in step:
        parts.append(f"from the model {_code(step['parent'])}")
    return ", ".join(parts)


def _evaluation(model: Facts, noun: str) -> list[str]:
    training = model["training"]
    held_out = f"{training['elbo_validation']:.4g} nats per {noun}"
    pairs = [*threshold_pairs(model["threshold"], noun), ("held-out ELBO", held_out)]
    return ["## Evaluation\n", _pairs(pairs)]


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return _list(f"{name}: {value}" for name, value in pairs)


def _list(items: Iterable[str]) -> str:
    return "".join(f"- {item}\n" for item in items)


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _name(path: str) -> str:
    """The name of a file without its folder, on one line."""
    return _line(path.rstrip("/").rpartition("/")[2] or path)


def _line(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _code(text: str) -> str:
    """A text as code, between more backticks than it has; tables need a backslash before each bar."""
    line = _line(text).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _text(text: str) -> str:
    """A text in which Markdown and HTML mean nothing."""
    return re.sub(r"([\\`*_\[\]<>&|~$#])", r"\\\1", _line(text))
