"""The options of the command, its work, and how it ends."""

import argparse
import contextlib
import os
import re
import signal
import sys
import time
import warnings
from pathlib import Path

from tsrnn import __version__
from tsrnn.exceptions import DivergenceError, InterruptedFitWarning

DONE = 0
FAILED = 2
INTERRUPTED = 130
BROKEN_PIPE = 141
STANDARD_OUTPUT = "-", "/dev/stdout", "/dev/fd/1"
MOST_STEPS = 100_000  # of a horizon or season; more is a slip of the hand, and takes hours

EPILOG = """\
exit status:
  0    forecasts are written
  2    bad options or data, no memory, or training that diverged; one sentence on standard error says what
  130  interrupted by Ctrl-C (143 by SIGTERM); nothing is written
  141  the reader of standard output, such as head, had enough

examples:
  tsrnn forecast sales.csv --h 12 --season-length 12 --out forecast.csv --plot forecast.png
  tsrnn forecast shops.csv --id-col shop --time-col day --target-col sales --h 28 --season-length 7 --level 80 95
  zcat load.csv.gz | tsrnn forecast - --utc --fill-gaps --h 48 --season-length 24 > forecast.csv
"""

# What messages advise in Python, and what does the same here.
IN_OPTIONS = {
    r"pandas\.to_datetime\(\.\.\., utc=True\) converts": "--utc converts",
    r"pandas\.to_datetime\(times \+ '-1', format='[^']+'\) converts them": "write the first day of each week",
    r"pandas\.to_datetime\(\.\.\., unit='\w+'\) makes timestamps of them": "write them as dates",
    r"pandas\.PeriodIndex or to_datetime converts them": "--time-format %Y%m reads months; write others as dates",
    r"astype\(\'?int(64)?\'?\) makes them integers": "write them without decimals",
    r"tz_localize tells the zone": "write times with their offset from UTC, for --utc",
    r"tz_localize\(\.\.\., ambiguous='infer'\) tells the two apart": "offsets from UTC, and --utc, tell the two apart",
    r"pandas\.to_datetime\(\.\.\., format='([^']+)'\) converts": r"--time-format '\1' reads",
    r"(must hold timestamps or integers; got '.*')\.$": r"\1: --time-format says how they are written.",
    r"fill them, for example with [\w.]*fill_gaps, and give them values": "--fill-gaps takes them as missing values",
    r"\bfill_gaps=True\b": "--fill-gaps",
    r"\butc=True\b": "--utc",
    r"\bid_col, time_col and target_col\b": "--id-col, --time-col and --target-col",
    r"\bfreq=": "--freq ",
    r"^(h|freq|level)( of RNNForecaster)? must": r"--\1 must",
}


class Parser(argparse.ArgumentParser):
    def error(self, message):
        if message.startswith("argument COMMAND"):
            say(self.format_help())
        self.end(FAILED, message)

    def end(self, status, message):
        """Leave with one line."""
        say(f"{self.prog}: {' '.join(message.split())}")
        raise SystemExit(status)


def parsers():
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser(
        prog="tsrnn",
        description="Forecast time series with recurrent networks.",
        formatter_class=form,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND")
    forecast = commands.add_parser(
        "forecast",
        help="forecast every series of a csv or parquet file",
        epilog=EPILOG,
        formatter_class=form,
    )
    data = forecast.add_argument_group("data").add_argument
    data(
        "data",
        help="csv or parquet file, also compressed, a row for each series and time; - for standard input",
    )
    data(
        "--id-col",
        metavar="NAME",
        help="column that names the series (default: unique_id; none for one series)",
    )
    data("--time-col", metavar="NAME", help="column of times (default: ds, or the first of two)")
    data("--target-col", metavar="NAME", help="column of values (default: y, or the second of two)")
    data(
        "--decimal",
        choices=[".", ","],
        help="decimal mark of a csv file (default: as the values tell)",
    )
    data(
        "--time-format",
        metavar="FORMAT",
        help="how times are written, such as %%d.%%m.%%Y (default: as they tell)",
    )
    data(
        "--utc",
        action="store_true",
        help="convert times with offsets to UTC; times without one are UTC",
    )
    data("--fill-gaps", action="store_true", help="take missing times as missing values")
    add = forecast.add_argument_group("forecast").add_argument
    add("--h", type=int, required=True, metavar="N", help="steps to forecast")
    add(
        "--season-length",
        type=int,
        action="extend",
        nargs="+",
        metavar="N",
        help="steps of a season, or of several, such as 24 168 (default: none)",
    )
    add("--freq", help="pandas alias such as D or MS, or an integer; inferred if not given")
    add(
        "--level",
        type=float,
        action="extend",
        nargs="+",
        metavar="P",
        help="percent of intervals to add, such as 80 95",
    )
    add(
        "--effort",
        choices=["fast", "normal", "best"],
        default="normal",
        help="how much work a fit does: less and sooner, or more and closer (default: normal)",
    )
    add(
        "--n-networks",
        type=int,
        default=None,
        metavar="N",
        help="networks whose median is the forecast (default: 2, 4 or 8 by effort)",
    )
    add(
        "--max-steps",
        type=int,
        default=None,
        metavar="N",
        help="updates of each network (default: 150 to 6000)",
    )
    add(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="the same seed gives the same forecast (default: 0)",
    )
    output = forecast.add_argument_group("output").add_argument
    output(
        "--out",
        type=Path,
        metavar="FILE",
        help=".csv, .csv.gz or .parquet to write (default: standard output)",
    )
    output("--plot", type=Path, metavar="FILE", help="picture to write, such as forecast.png")
    output(
        "--quiet", action="store_true", help="no progress and no summary, only warnings and errors"
    )
    return parser, forecast


def main(arguments=None):
    """Run the command; `arguments` are those of the shell if not given."""
    parser, forecast = parsers()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if not arguments:
        say(parser.format_help())
        raise SystemExit(FAILED)
    options, unknown = parser.parse_known_args(arguments)
    if "data" not in options:
        say(parser.format_help())
        parser.error(f"unknown options: {' '.join(unknown)}")
    if unknown:
        say(forecast.format_usage())
        forecast.error(f"unknown options: {' '.join(unknown)}; tsrnn forecast --help explains all")
    ended_by = []
    try:
        with terminated_as_interrupted(ended_by), warnings.catch_warnings():
            for of_programmers in (DeprecationWarning, FutureWarning):
                warnings.simplefilter("ignore", of_programmers)
            # nobody wants half a forecast in a file
            warnings.simplefilter("error", InterruptedFitWarning)
            warnings.showwarning = lambda message, *rest: say(f"tsrnn: {in_options(message)}")
            run(options)
    except (KeyboardInterrupt, InterruptedFitWarning):
        say("")
        forecast.end(128 + ended_by[0] if ended_by else INTERRUPTED, "interrupted")
    except BrokenPipeError:  # the reader of standard output, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(BROKEN_PIPE) from None
    except MemoryError as error:
        forecast.end(
            FAILED, f"not enough memory: {str(error) or 'a smaller --h or less data needs less'}"
        )
    except (ValueError, TypeError, OSError, ImportError, DivergenceError, OverflowError) as error:
        forecast.end(FAILED, in_options(error))


@contextlib.contextmanager
def terminated_as_interrupted(ended_by):
    """A signal to terminate ends the work as Ctrl-C does, cleaning up; its number goes into `ended_by`."""

    def interrupt(number, frame):
        ended_by.append(number)
        raise KeyboardInterrupt

    before = {}
    with contextlib.suppress(ValueError):  # not in the main thread, where no handler may be set
        for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it
                before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(options):
    """Read, train, forecast, write."""
    begin = time.perf_counter()
    check_numbers(options)
    if str(options.out) in STANDARD_OUTPUT:
        options.out = None
    from tsrnn.cli.reading import read
    from tsrnn.cli.writing import as_bytes, check_outputs, plot_as_bytes, write_all

    check_outputs(options)
    data = read(options)
    forecasts = forecast(data, options)
    table = written(forecasts, data, options)
    contents = {}
    if options.plot:
        contents[options.plot] = plot_as_bytes(picture(data, forecasts), options.plot)
    if options.out:
        contents[options.out] = as_bytes(table, options.out)
    write_all(contents)
    if not options.out:
        print_table(table)
    if not options.quiet:
        n = forecasts[data.columns.id_col].nunique()
        seconds = time.perf_counter() - begin
        files = "".join(f", written to {path}" for path in (options.out, options.plot) if path)
        say(f"{n} series, {options.h} steps each, in {seconds:.1f} s{files}")


def print_table(table):
    try:
        sys.stdout.write(table.to_csv(index=False, lineterminator="\n"))
    except UnicodeEncodeError as error:
        text = error.object[error.start : error.end]
        raise ValueError(
            f"standard output must take every label; got {text!a}, which its encoding {error.encoding} lacks: --out "
            "writes a file in UTF-8."
        ) from None
    sys.stdout.flush()


def check_numbers(options):
    """Say in the words of the command what the forecaster would say in those of Python."""
    bounds = {
        "h": (1, MOST_STEPS),
        "n_networks": (1, 1000),
        "max_steps": (1, 10**7),
        "seed": (0, 2**32 - 1),
    }
    for name, (least, most) in bounds.items():
        value = getattr(options, name)
        if value is not None and not least <= value <= most:
            option = name.replace("_", "-")
            raise ValueError(f"--{option} must be an integer from {least} to {most}; got {value}.")
    for length in options.season_length or []:
        if not 1 <= length <= MOST_STEPS:
            raise ValueError(
                f"--season-length must be integers from 1 to {MOST_STEPS}; got {length}."
            )
    for level in options.level or []:
        if 0 < level < 1:
            raise ValueError(f"--level must be in percent: {100 * level:g}, not {level:g}.")
        if not 1 <= level < 100:
            raise ValueError(
                f"--level must be in percent, from 1 to below 100, such as 80; got {level:g}."
            )


def forecast(data, options):
    """A long frame of forecasts."""
    from tsrnn.forecasting.forecaster import RNNForecaster

    given = {name: getattr(options, name) for name in ("n_networks", "max_steps")}
    forecaster = RNNForecaster(
        h=options.h,
        freq=int(options.freq)
        if re.fullmatch(r"[+-]?\d{1,9}", options.freq or "")
        else options.freq,
        season_length=options.season_length or 1,
        fill_gaps=options.fill_gaps,
        effort=options.effort,
        random_state=options.seed,
        verbose=0 if options.quiet else 1,
        **{name: value for name, value in given.items() if value is not None},
    )
    return forecaster.fit(data.frame, *data.columns).predict(level=options.level)


def written(forecasts, data, options):
    """The forecasts as the file writes its own labels, times and numbers; binary formats keep all digits."""
    id_col, time_col, target_col = data.columns
    table = forecasts.drop(columns=id_col) if data.single else forecasts.copy()
    if options.out and options.out.suffix.lower() in (".parquet", ".pq"):
        return table
    from tsrnn.cli.digits import as_texts
    from tsrnn.cli.reading import written_as

    values = data.frame.groupby(id_col, sort=False)[target_col]
    ranges = forecasts[id_col].map(values.max() - values.min()).astype(float)
    for name in forecasts.columns[2:]:
        table[name] = as_texts(forecasts[name], ranges, data.decimals)
    if data.time_format:
        table[time_col] = written_as(table[time_col], data.time_format)
    return table


def picture(data, forecasts):
    from tsrnn.forecasting.plotting import plot_forecasts

    return plot_forecasts(data.frame, forecasts, **data.columns._asdict())


def in_options(message):
    """A message on one line, its advice in options of the command instead of Python."""
    text = " ".join(str(message).split())
    for python, option in IN_OPTIONS.items():
        text = re.sub(python, option, text)
    return text


def say(text):
    """A line on standard error, which may be closed."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)
