"""report_page: a report about a model and its data as one HTML page, made from JSON values alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.reports.charts import bars, curve, waterfall
from anomaly_vae_pipelines.reports.comparison import comparison_section
from anomaly_vae_pipelines.reports.document import document, table
from anomaly_vae_pipelines.reports.figures import percent, range_text, threshold_pairs

_N_STILL = 10
"""Columns without drift that are shown, those with the largest effects."""

Content = Mapping[str, Any]


def report_page(content: Content) -> str:
    """The page of what ``report_files`` returned, or of its JSON; "comparison" is that of ``compare``."""
    data, comparison = content["data"], content.get("comparison")
    noun = noun_of(content["model"])
    parts = [] if data is None else _data(data, noun)
    if comparison is not None:
        parts = [*comparison_section(comparison), "<h2>What the new model finds</h2>", *parts]
    return document(f"Report on {content['model']['path']}", "".join([*parts, *_model(content["model"])]))


def noun_of(model: Content) -> str:
    """What the model scores: a row or an image."""
    return "row" if model["image"] is None else "image"


def _data(data: Content, noun: str) -> list[str]:
    found = f"{counted(data['n_alerts'], noun)} of {data['n_rows']:,} flagged ({percent(data['alert_rate'])})"
    rejected = f"; {counted(data['n_rejected'], noun)} could not be read" * bool(data["n_rejected"])
    return [
        f"<p>{escape(', '.join(data['sources']))}: <strong>{found}</strong>{rejected}</p>",
        *_severity(data, noun),
        *_evaluation(data["evaluation"], data["ranking"]),
        *_worst(data["worst"], noun),
        *_groups(data["groups"]),
        *_drift(data["drift"], data["n_rows"]),
        *_thresholds(data["thresholds"]),
        *_peers(data["peers"], data["n_rows"]),
    ]


def _severity(data: Content, noun: str) -> list[str]:
    """Whether there are more alerts later, and the charts."""
    parts = ["<h2>Is it getting worse?</h2>"]
    trend, by_row, by_time = data["trend"], data["by_row"], data["by_time"]
    if trend is not None:
        early, late, (low, high) = trend["earlier"], trend["later"], trend["later_alerts_if_equal"]
        parts.append(
            f"<p>{trend['finding'].capitalize()}: {early['alerts']:,} in the earlier {early['rows']:,} "
            f"{noun}s, {late['alerts']:,} in the later {late['rows']:,}; with equal rates, {low:,} to "
            f"{high:,} in 90 % of cases.</p>"
        )
    if by_time is not None and by_time["bins"]:
        bins, width = by_time["bins"], by_time["width"]
        first, last = _moment(bins[0]["start"]), _moment(bins[-1]["start"] + width)
        name = f"{by_time['column']} ({_duration(by_time['width'])} per bar, UTC)"
        parts.append(_figure(bars(bins, width, name, first, last)))
        if by_time["without"]:
            parts.append(f"<p>{counted(by_time['without'], 'row')} without a time.</p>")
    elif by_row["bins"]:
        last = f"{data['n_rows']:,}"
        name = f"{noun} ({counted(by_row['width'], noun)} per bar)"
        parts.append(_figure(bars(by_row["bins"], by_row["width"], name, "1", last)))
    parts.append('<p class="dim">Highest severity per bar, 0 to 100; bars with alerts are orange.</p>')
    return parts


def _evaluation(found: Content | None, ranking: Content | None) -> list[str]:
    if found is None:
        return []
    quality = [] if ranking is None else [("AUROC", "auroc"), ("average precision", "average_precision")]
    measures = [f"{name} {_number(ranking[key], '.4f')}" for name, key in quality if ranking is not None]
    return [
        "<h2>False alarms and misses</h2>",
        f"<p>{found['hits']:,} of {counted(found['n_anomalous'], 'anomalous row')} flagged, "
        f"{found['misses']:,} missed; {counted(found['false_alarms'], 'false alarm')} in "
        f"{counted(found['n_normal'], 'normal row')}; {found['n_unlabelled']:,} without a label.</p>",
        *([f"<p>Of all thresholds: {', '.join(measures)}.</p>"] if measures else []),
    ]


def _worst(rows: Sequence[Content], noun: str) -> list[str]:
    title = f"<h2>Which {noun}s, and why?</h2>"
    return [title, *map(_row, rows)] if rows else [title, f"<p>No {noun} is flagged.</p>"]


def _row(row: Content) -> str:
    label = "" if row["label"] is None else f", label {escape(row['label'] or 'empty')}"
    steps = [(reason["column"], reason["nats"]) for reason in row["reasons"]]
    if row["other_nats"]:
        steps.append(("other columns", row["other_nats"]))
    cells = [
        (
            reason["column"],
            "" if reason["observed"] is None else reason["observed"] + " (never seen)" * reason["unseen"],
            "" if reason["expected"] is None else reason["expected"],
            f"{reason['nats']:.1f}",
        )
        for reason in row["reasons"]
    ]
    names = ("column", "observed", "expected", "nats")
    pictures = _pictures(row.get("pictures"))
    found = table(names, cells, 3)
    if pictures:
        found = table(("place", "nats"), [(place, nats) for place, _, _, nats in cells])
    title = ", ".join(dict.fromkeys((row["source"], row["name"])))
    return (
        f'<section class="row"><h3>{escape(title)}</h3>'
        f"<p>Score {row['score']:.4g} nats, severity {row['severity']:.1f}, p-value {row['p_value']:.2g}"
        f"{label}</p>{pictures or (_figure(waterfall(steps)) if steps else '')}"
        f"{found}</section>"
    )


def _pictures(urls: Sequence[str] | None) -> str:
    """An image, and the same with its heat."""
    if not urls:
        return ""
    image, heat = (escape(url) for url in urls)
    return f'<div class="pictures"><img alt="the image" src="{image}"><img alt="its heat" src="{heat}"></div>'


def _groups(groups: Content | None) -> list[str]:
    if groups is None or not groups["largest"]:
        return []
    rows = [(" and ".join(group["columns"]), f"{group['rows']:,}") for group in groups["largest"]]
    if groups["other_rows"]:
        rows.append(("other columns", f"{groups['other_rows']:,}"))
    text = "Flagged rows by the worst columns that explain half of their shortfall, three at most."
    return [f"<h2>Alike anomalies</h2><p>{text}</p>", table(("columns", "rows"), rows)]


def _drift(drift: Content | None, n_rows: int) -> list[str]:
    if drift is None:
        return []
    title = "<h2>Which columns drift?</h2>"
    if drift["problem"] is not None:
        return [title, f"<p>Not known: {escape(drift['problem'])}</p>"]
    by_name = {column["name"]: column for column in drift["columns"]}
    still = sorted(
        (column for column in drift["columns"] if not column["drifted"]), key=lambda c: -(c["effect"] or 0.0)
    )
    shown = [*(by_name[name] for name in drift["moved"]), *still[:_N_STILL], drift["score"]]
    moved = ", ".join(drift["moved"]) or ("the score" if drift["drifted"] else "no column")
    since = "" if drift["since"] is None else f", found after {counted(drift['since'], 'row')}"
    names = ("column", "drifted", "effect", "shift (sd)", "p-value", "change in nats")
    lines = [
        (
            column["name"],
            "yes" if column["drifted"] else "no",
            _number(column["effect"], ".3f"),
            _number(column["shift"], "+.2f"),
            _number(column["p_value"], ".1g"),
            _number(column["nats"], "+.2f"),
        )
        for column in shown
    ]
    summary = (
        f"Drift in {moved}{since}; {_compared(drift['n_rows'], n_rows)} against {drift['n_calibration']:,} "
        "of calibration. Effect is the share of rows that would have to be others, from 0 to 1."
    )
    hidden = f"<p>And {counted(len(still) - _N_STILL, 'column')} without drift.</p>" * (len(still) > _N_STILL)
    return [title, f"<p>{escape(summary)}</p>", table(names, lines, 2), hidden]


def _thresholds(thresholds: Sequence[Content]) -> list[str]:
    if not thresholds:
        return []
    names = ["false-alarm rate", "90 % interval of the rate", "threshold (nats)", "alerts"]
    labelled = thresholds[0]["evaluation"] is not None
    names += ["misses", "false alarms"] * labelled
    rows = [
        [
            percent(one["false_alarm_rate"]),
            range_text(one["false_alarm_interval"], percent),
            f"{one['offset']:.4g}",
            f"{one['alerts']:,}",
            *([f"{one['evaluation'][name]:,}" for name in ("misses", "false_alarms")] if labelled else ()),
        ]
        for one in thresholds
    ]
    return ["<h2>What would another threshold do?</h2>", table(names, rows, 0)]


def _peers(peers: Content | None, n_rows: int) -> list[str]:
    if peers is None:
        return []
    title = "<h2>What do other detectors say?</h2>"
    if peers["problem"] is not None:
        return [title, f"<p>Not compared: {escape(peers['problem'])}.</p>"]
    found = peers["detectors"]
    names = ["detector", "settings", "rank correlation", f"of our worst {peers['n_worst']}"]
    ranked = any(one["auroc"] is not None for one in found)
    names += ["average precision", "AUROC"] * ranked
    rows = [
        [
            one["name"],
            one["settings"],
            _number(one["rank_correlation"], ".3f"),
            f"{one['shared_worst']:,}",
            *([_number(one[name], ".4f") for name in ("average_precision", "auroc")] if ranked else ()),
        ]
        for one in found
    ]
    compared, n_worst = _compared(peers["n_rows"], n_rows), peers["n_worst"]
    text = (
        f"Two detectors of scikit-learn are fitted on the data of this page, {compared} and score the same "
        "rows. They see the cells as the encoder of this model gives them to its networks, with 0 for a "
        "missing one. The rank correlation is Spearman's, with the scores of this model. The next column "
        f"counts our {n_worst} worst of these rows that are also among as many worst of the other."
    )
    return [title, f"<p>{text}</p>", table(names, rows, 2)]


def _model(model: Content) -> list[str]:
    training, threshold = model["training"], model["threshold"]
    parts = ["<h2>How sure is the threshold?</h2>", _pairs(threshold_pairs(threshold))]
    parts += ["<h2>What was learned</h2>"]
    noun = noun_of(model)
    if noun == "image":
        height, width = model["image"]["size"]
        colour = "grey" if model["image"]["channels"] == 1 else "colour"
        parts.append(f"<p>Images of {height} x {width} pixels, {colour}.</p>")
    else:
        rows = [(column["name"], column["kind"], column["detail"]) for column in model["columns"]]
        parts.append(table(("column", "kind", "detail"), rows, 3))
    parts.append(
        f"<h2>Training</h2><p>{counted(training['n_rows'], noun)}, {counted(training['n_steps'], 'step')}, "
        f"{training['seconds']:.1f} s. Mean score {training['elbo_train']:.4g} nats, held out "
        f"{training['elbo_validation']:.4g} nats.</p>"
    )
    if len(model["history"]) > 1:
        parts.append(_figure(curve(model["history"])))
        parts.append('<p class="dim">Mean score of what was held out during training, in nats.</p>')
    parts.append("<h2>Where the model comes from</h2>")
    stated = [("model", model["model_id"]), ("created", str(model["created"]))]
    for step in model["provenance"]:
        stated.append((step.get("step", "step"), f"{step.get('command', '')} ({step.get('created', '')})"))
        facts = step.get("data", {})
        stated += [("data", ", ".join(f"{name} {value}" for name, value in facts.items()))] * bool(facts)
    return [*parts, _pairs(stated)]


def _compared(n_sampled: int, n_rows: int) -> str:
    return f"{n_sampled:,} rows" + f" of {n_rows:,}, drawn at random," * (n_sampled < n_rows)


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f'<div class="wide"><table>{lines}</table></div>'


def _figure(svg: str) -> str:
    return f"<figure>{svg}</figure>"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return f"{seconds:,} s"


def _duration(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds} s"
