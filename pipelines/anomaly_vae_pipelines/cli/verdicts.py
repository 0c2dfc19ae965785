"""``anomaly-vae verdicts``: asks a person about rows, and writes the verdicts to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from anomaly_vae_pipelines.cli.options import output_option
from anomaly_vae_pipelines.cli.printing import echo_pairs, nats, printable
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae_pipelines.runs.verdicts import Question

_ANSWERS = {"y": "anomalous", "n": "normal"}
_SKIP, _UNDO, _QUIT = "s", "u", "q"


@click.command("verdicts")
@click.argument("source", metavar="INPUT")
@output_option("VERDICTS", "CSV file to write the judged rows to.")
@click.option("--all", "everything", is_flag=True, help="Ask about all rows, not only flagged ones.")
@click.option(
    "--verdict",
    "column",
    default="verdict",
    show_default=True,
    metavar="COL",
    help="Column to write the verdicts to.",
)
def command(source: str, output: str, force: bool, everything: bool, column: str) -> None:
    """Ask about the rows of INPUT, and write the verdicts to a file.

    The file of verdicts is for anomaly-vae learn; it is complete after each answer. INPUT is a file that
    anomaly-vae score wrote, or alerts in JSON Lines; these name rows of other files, which are read too. The
    worst row is first. Answer y (yes, an anomaly), n (no, normal), s (skip), u (undo the last answer) or q
    (quit).
    """
    from anomaly_vae_pipelines.io.files import check_output
    from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
    from anomaly_vae_pipelines.runs.verdicts import questions, write_verdicts

    check_no_overwriting({"-o": output}, [source])
    check_output(output, force=force)
    asked = questions(source, only_flagged=not everything)
    answers: dict[int, str] = {}
    position = 0
    while position < len(asked):
        answer = _ask(asked[position], position, len(asked))
        if answer == _QUIT:
            break
        position = max(position - 1, 0) if answer == _UNDO else position + 1
        answers.pop(position, None)
        if answer in _ANSWERS:
            answers[position - 1] = _ANSWERS[answer]
        judged = [(asked[number], verdict) for number, verdict in sorted(answers.items())]
        if answer in (*_ANSWERS, _UNDO):
            write_verdicts(output, judged, column)
    _show(output, answers)


def _ask(question: Question, position: int, n_questions: int) -> str:
    """The answer, one letter."""
    title = f"\n{position + 1} of {n_questions}: {question.name}"
    reasons = [("reasons", question.reasons)] if question.reasons else []
    echo_pairs(printable(title[1:]), [("score", nats(question.score)), *reasons, *question.cells.items()])
    choices = click.Choice([*_ANSWERS, _SKIP, _UNDO, _QUIT])
    answer: str = click.prompt("anomalous?", type=choices)
    return answer


def _show(output: str, answers: dict[int, str]) -> None:
    kinds = list(answers.values())
    numbers = ", ".join(f"{kinds.count(kind)} {kind}" for kind in _ANSWERS.values())
    saved = f", saved to {output}" if answers else "; nothing was written"
    click.echo(f"{counted(len(kinds), 'verdict')} ({numbers}){saved}")
