"""``anomaly-vae score``: how normal is each row of a CSV file, and what speaks against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipelines.cli.options import csv_output_option
from pipelines.cli.printing import counted

if TYPE_CHECKING:
    from pipelines.scoring import Explain

_EXPLAIN_HELP = "Which rows get top_columns: those flagged as anomalies, all (slower to read), or none."


@click.command("score")
@click.argument("model")
@click.argument("source", metavar="INPUT")
@csv_output_option
@click.option(
    "--explain",
    type=click.Choice(["flagged", "all", "none"]),
    default="flagged",
    show_default=True,
    help=_EXPLAIN_HELP,
)
@click.option("--prefix", default="", metavar="P", help="Put P before the names of the four result columns.")
@click.option("--quiet", is_flag=True, help="Do not say on stderr how many rows were scored.")
def command(
    model: str, source: str, output: str, force: bool, explain: Explain, prefix: str, quiet: bool
) -> None:
    """Score the rows of INPUT with MODEL.

    Every column of INPUT is written as it was, in the same order, and after it

    \b
      score        nats; a lower bound on the log probability of the row, higher is more normal
      p_value      share of held-out training rows that score as low; small is anomalous
      is_anomaly   true where the score lies below the model's threshold, else false
      top_columns  what cost the most nats against a typical row, worst first, such as
                   src_bytes:-12.3;count:-5.1 (latent stands for an odd combination of columns)

    INPUT needs the columns that the model was fitted on, in any order, and may have others. Missing
    cells, unseen categories, infinities and numbers as large as 1e300 all get a finite score. A text
    where the model wants a number is refused, with its line.
    """  # noqa: D301 (click wants the control character)
    from pipelines.batch import score_file

    summary = score_file(model, source, output, explain=explain, prefix=prefix, force=force)
    if not quiet:
        flagged = counted(summary.n_anomalies, "anomaly").replace("anomalys", "anomalies")
        click.echo(f"{counted(summary.n_rows, 'row')}, {flagged}, {summary.seconds:.1f} s", err=True)
