"""Axes, colours and texts that the displays share; matplotlib is imported when the first of them is drawn.

Data have fixed colours, which are distinct for colour-blind readers and on light and dark backgrounds (after
Okabe & Ito 2008). Texts and lines have those of the matplotlib style.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anomaly_vae.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NORMAL = "#3f8fd2"
ANOMALOUS = "#e3762d"
NEUTRAL = "#8a929b"
SEVERITY = ["#8fa7bd", "#e9a23b", "#d2452f"]
"""From severity 0 to 100."""

MOST_NAME = 26
"""Most characters of a name beside an axis."""

_SIZE = (6.4, 4.0)


def axes_of(ax: Axes | None, size: tuple[float, float] = _SIZE) -> tuple[Figure, Axes]:
    """The given axes with their figure, or those of a new figure of ``size`` inches.

    Raises MissingExtraError if matplotlib is not installed.
    """
    pyplot = import_pyplot()
    if ax is None:
        figure = pyplot.figure(figsize=size, layout="constrained")
        ax = figure.add_subplot()
    return figure_of(ax), ax


def figure_of(ax: Axes) -> Figure:
    """The figure of axes."""
    figure: Any = ax.get_figure()
    return figure  # type: ignore[no-any-return]


def import_pyplot() -> Any:
    """``matplotlib.pyplot``; raises MissingExtraError if it is not installed."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise MissingExtraError(
            "displays are drawn by matplotlib: pip install 'anomaly-vae[plot]'"
        ) from error
    return pyplot


def finish(ax: Axes, title: str | None, grid: str = "y") -> None:
    """Title, a faint grid below the data, and no frame at the top and at the right."""
    ax.set_title(title or "", loc="left", fontsize="medium")
    ax.grid(axis=grid, color=NEUTRAL, alpha=0.25, linewidth=0.8)  # type: ignore[arg-type]
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def legend(ax: Axes, where: Any = "best") -> None:
    """A legend without a frame, if an artist has a label; what is behind it shows through faintly."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc=where, framealpha=0.85, edgecolor="none", fontsize="small")


def short(name: str, most: int = MOST_NAME) -> str:
    """A text cut in its middle, where names of columns differ least; safe from matplotlib's formulae."""
    if len(name) > most:
        head = (most - 1) * 2 // 3
        name = f"{name[:head]}…{name[-(most - 1 - head) :]}"
    return name.replace("$", r"\$")


def value_text(value: Any) -> str:
    """A cell as text: numbers with four significant digits, and "missing"."""
    if value is None or str(value) in ("nan", "NaT", "<NA>"):
        return "missing"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | float | np.integer | np.floating):
        number = float(value)
        return f"{number:,.0f}" if number.is_integer() and abs(number) < 1e7 else f"{number:,.4g}"
    return short(str(value), 20)


def nats_text(nats: float) -> str:
    """Nats with a sign and a proper minus."""
    digits = 0 if abs(nats) >= 100 else 1
    return f"{nats:+,.{digits}f}".replace("-", "−")


def score_text(nats: float) -> str:
    """A score with four significant digits and a proper minus."""
    return f"{nats:,.4g}".replace("-", "−") if abs(nats) < 1e4 else f"{nats:,.0f}".replace("-", "−")


def few_ticks() -> Any:
    """A locator of at most four intervals, so that long numbers do not overlap."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)
