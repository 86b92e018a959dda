"""The command and its subcommands; each is a thin call of the library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from evaluator_component.errors import EvaluatorError
from evaluator_component.version import __version__

__all__ = ["EXIT_CODES", "main"]

#: Exit code by verdict.
EXIT_CODES = {"BLESSED": 0, "NOT_BLESSED": 1, "INCONCLUSIVE": 3}
MISTAKE = 2

FOLDER = click.Path(exists=False, file_okay=False)


class _Group(click.Group):
    """Turns the package's errors into one message and exit code 2; --debug shows the trace."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except EvaluatorError as error:
            if context.params.get("debug"):
                raise
            click.secho("error: ", fg="red", bold=True, err=True, nl=False)
            click.echo(str(error), err=True)
            sys.exit(MISTAKE)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show the stack trace of an error.")
@click.option("-v", "--verbose", is_flag=True, help="Show what TensorFlow and Beam log.")
@click.pass_context
def main(context: click.Context, debug: bool, verbose: bool) -> None:
    """Evaluate a model slice by slice, and say whether it may be pushed."""
    del debug
    context.obj = verbose


def _load_quietly(verbose: bool) -> None:
    """Imports what is noisy while stderr is muted."""
    from evaluator_component.quiet import muted_stderr, quiet_libraries

    quiet_libraries(verbose)
    with muted_stderr(verbose):
        import tensorflow  # noqa: F401


def _config_option(function: Any) -> Any:
    return click.option(
        "--config", required=True, help="Eval config: .textproto, .json or .yaml file."
    )(function)


def _data_options(function: Any) -> Any:
    function = click.option(
        "--model", help="Path or address of the candidate; none: predictions are in the data."
    )(function)
    function = click.option("--baseline", help="Path or address of the model to compare with.")(
        function
    )
    function = click.option("--schema", help="Schema of the data (text or binary proto).")(function)
    return click.option(
        "--data",
        required=True,
        multiple=True,
        help="Path or glob; NAME=PATH for several datasets.",
    )(function)


@main.command()
@_config_option
@_data_options
@click.option("--output", required=True, type=FOLDER, help="Result folder to write.")
@click.option("--name", default="", help="Name of the run, in tables and time series.")
@click.option("--rubber-stamp", is_flag=True, default=None, help="Bless without a baseline.")
@click.option("--reuse", type=FOLDER, help="Result folder with statistics of the baseline.")
@click.option(
    "--progress/--no-progress", default=True, help="Show progress, if this is a terminal."
)
@click.option("--beam", multiple=True, help="Beam option, such as --beam=--runner=FlinkRunner.")
def evaluate(
    config: str,
    data: tuple[str, ...],
    model: str | None,
    baseline: str | None,
    schema: str | None,
    output: str,
    name: str,
    rubber_stamp: bool | None,
    reuse: str | None,
    progress: bool,
    beam: tuple[str, ...],
) -> None:
    """Evaluate models on data; exit with the verdict."""
    _load_quietly(click.get_current_context().obj)
    from evaluator_component.api import evaluate as run
    from evaluator_component.results.terminal import print_result

    outcome = run(
        config,
        _data(data),
        _models(model, baseline),
        output,
        schema=_schema(schema),
        pipeline_options=list(beam),
        rubber_stamp=rubber_stamp,
        name=name,
        reuse=reuse,
        progress=progress,
    )
    print_result(outcome.result)
    click.echo(f"report: {Path(output) / 'report.html'}")
    verdict = outcome.verdict
    sys.exit(0 if verdict is None else EXIT_CODES[_status(verdict)])


@main.command()
@_config_option
@_data_options
def check(
    config: str,
    data: tuple[str, ...],
    model: str | None,
    baseline: str | None,
    schema: str | None,
) -> None:
    """Check config, models and data without running; print what was found."""
    _load_quietly(click.get_current_context().obj)
    from evaluator_component.api import prepare

    job = prepare(config, _data(data), _models(model, baseline), schema=_schema(schema))
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("what", "found")
    for what, found in job.resolved():
        table.add_row(escape(what), escape(found))
    Console().print(table)
    for note in job.notes:
        click.echo(f"note: {note}")
    click.echo("nothing is wrong")


@main.command()
@_config_option
def plan(config: str) -> None:
    """Print what a config asks to be accumulated and computed."""
    from evaluator_component.config import prepare_config
    from evaluator_component.evaluators.planning import make_plan
    from evaluator_component.metrics import registry

    click.echo(make_plan(prepare_config(config, tuple(registry.registered()))).describe())


@main.command()
@click.argument("folder", type=FOLDER)
@click.option("--slices", help="Show slices whose name contains this.")
@click.option("--sort", help="Metric to sort by.")
@click.option("--metrics", help="Metrics to show, separated by commas.")
@click.option("--limit", default=30, show_default=True, help="Slices to show at the most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    folder: str,
    slices: str | None,
    sort: str | None,
    metrics: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print the results in FOLDER as a table."""
    from evaluator_component.results import load_eval_result
    from evaluator_component.results.terminal import print_result

    print_result(
        load_eval_result(folder),
        slices=slices,
        sort=sort,
        metrics=metrics.split(",") if metrics else None,
        limit=limit,
        as_json=as_json,
    )


@main.command()
@click.argument("first", type=FOLDER)
@click.argument("second", type=FOLDER)
@click.option("--metrics", help="Metrics to show, separated by commas.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(first: str, second: str, metrics: str | None, as_json: bool) -> None:
    """Print how the results in SECOND differ from those in FIRST."""
    from evaluator_component.results import load_eval_result
    from evaluator_component.results.terminal import print_comparison

    print_comparison(
        load_eval_result(first),
        load_eval_result(second),
        metrics=metrics.split(",") if metrics else None,
        as_json=as_json,
    )


@main.command()
@click.argument("folders", nargs=-1, required=True, type=FOLDER)
@click.option("--output", default="report.html", show_default=True, help="File to write.")
def report(folders: tuple[str, ...], output: str) -> None:
    """Write one self-contained HTML page about the results in FOLDERS."""
    from evaluator_component.results import load_eval_result
    from evaluator_component.views import report_of

    report_of(*(load_eval_result(folder) for folder in folders)).save(output)
    click.echo(f"report: {output}")


@main.command()
@click.option("--mlmd", required=True, help="SQLite file, or URI of the metadata store.")
@click.option("--pipeline", required=True, help="Name of the pipeline.")
@click.option("--metrics", help="Metrics to show, separated by commas.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def history(mlmd: str, pipeline: str, metrics: str | None, as_json: bool) -> None:
    """Print the evaluations that ML Metadata holds of a pipeline."""
    from evaluator_component.component.history import history as read
    from evaluator_component.component.unfinished import unfinished
    from evaluator_component.results.terminal import print_history

    print_history(
        read(mlmd, pipeline=pipeline),
        metrics=metrics.split(",") if metrics else None,
        as_json=as_json,
    )
    for attempt in unfinished(mlmd, pipeline=pipeline):
        click.echo(f"no result: {attempt}", err=as_json)


@main.command()
@click.argument("name", default="")
@click.option("--markdown", is_flag=True, help="Print the table of the documentation.")
def metrics(name: str, markdown: bool) -> None:
    """List the metrics whose class has NAME in it; all without NAME."""
    from evaluator_component.cli.catalogue import catalogue_rows, markdown_table

    if markdown:
        click.echo(markdown_table(), nl=False)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("metric", "what it is", "better", "arguments")
    for row in catalogue_rows():
        if name.lower() in row[0].lower():
            table.add_row(*map(escape, row))
    Console().print(table)


@main.command()
@click.argument("model")
def inspect(model: str) -> None:
    """Print what MODEL offers: signatures, inputs, outputs, metrics, features, versions."""
    from evaluator_component.saved_model import describe

    click.echo(describe(model))


def _models(model: str | None, baseline: str | None) -> dict[str, str] | None:
    found = {"candidate": model, "baseline": baseline}
    given = {name: path for name, path in found.items() if path}
    return given or None


def _data(data: tuple[str, ...]) -> Any:
    named = [part.split("=", 1) for part in data if _is_named(part)]
    if named and len(named) != len(data):
        raise click.UsageError("--data: give every dataset a name (NAME=PATH), or none")
    if named:
        return dict(named)
    return data[0] if len(data) == 1 else list(data)


def _is_named(part: str) -> bool:
    name, equals, _ = part.partition("=")
    return bool(equals) and name.isidentifier()


def _schema(path: str | None) -> bytes | None:
    if path is None:
        return None
    from evaluator_component.inputs.schema import read_schema

    return read_schema(path)


def _status(verdict: Any) -> str:
    return str(getattr(verdict.status, "name", verdict.status))
