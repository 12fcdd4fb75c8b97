"""The `tsrnn` command: a file in, forecasts out. Bad arguments or data end with status 2 and one sentence."""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

from tsrnn import __version__
from tsrnn.exceptions import InterruptedFitWarning
from tsrnn.extras import require


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments=None):
    parser = Parser(prog="tsrnn", description="Forecast time series with recurrent networks.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    forecast = commands.add_parser("forecast", help="forecast every series of a csv or parquet file")
    add = forecast.add_argument
    add("data", type=Path, help="csv or parquet file, a row for each series and time")
    add("--h", type=int, required=True, metavar="N", help="steps to forecast")
    add("--season-length", type=int, default=1, metavar="N", help="steps of a season; 1, the default, for none")
    add("--freq", help="pandas alias such as D or MS, or an integer; inferred if not given")
    add("--id-col", default="unique_id", metavar="NAME", help="column that names the series; a file of one may lack it")
    add("--time-col", metavar="NAME", help="column of times (default: ds, or the first of two)")
    add("--target-col", metavar="NAME", help="column of values (default: y, or the second of two)")
    add("--level", type=float, nargs="+", metavar="P", help="percent of intervals to add, such as 80 95")
    add("--fill-gaps", action="store_true", help="take missing times as missing values")
    add("--out", type=Path, metavar="FILE", help="csv to write; standard output if not given")
    add("--plot", type=Path, metavar="FILE", help="picture to write, such as forecast.png")
    add("--seed", type=int, default=0, metavar="N", help="the same seed gives the same forecast (default: 0)")
    options = parser.parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InterruptedFitWarning)  # nobody wants half a forecast in a file
            run(options)
    except (KeyboardInterrupt, InterruptedFitWarning):
        forecast.exit(130, f"\n{forecast.prog}: interrupted\n")
    except BrokenPipeError:  # the reader of standard output, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        forecast.exit(141)
    except (ValueError, TypeError, OSError, ImportError) as error:
        forecast.error(" ".join(str(error).split()))


def run(options):
    """Read, train, forecast, write."""
    begin = time.perf_counter()
    check_writable(options)
    frame = read(options.data, options.id_col)
    from tsrnn.forecasting.forecaster import RNNForecaster

    id_col, time_col, target_col = columns(options, list(frame.columns))
    single = id_col not in frame.columns and {time_col, target_col} <= set(frame.columns)
    if single:
        frame[id_col] = options.data.stem
    freq = int(options.freq) if options.freq and options.freq.isdigit() else options.freq
    settings = {"h": options.h, "freq": freq, "season_length": options.season_length, "fill_gaps": options.fill_gaps}
    forecaster = RNNForecaster(**settings, random_state=options.seed, verbose=1)
    forecasts = forecaster.fit(frame, id_col, time_col, target_col).predict(level=options.level)
    (forecasts.drop(columns=id_col) if single else forecasts).to_csv(options.out or sys.stdout, index=False)
    sys.stdout.flush()
    if options.plot:
        from tsrnn.forecasting.plotting import plot_forecasts

        names = {"id_col": id_col, "time_col": time_col, "target_col": target_col}
        frame[time_col] = frame[time_col].astype(forecasts[time_col].dtype)
        plot_forecasts(frame, forecasts, **names).savefig(options.plot, dpi=130)
    n, seconds = forecasts[id_col].nunique(), time.perf_counter() - begin
    written = "".join(f", written to {path}" for path in (options.out, options.plot) if path)
    print(f"{n} series, {options.h} steps each, in {seconds:.1f} s{written}", file=sys.stderr)


def check_writable(options):
    """Before the work, not after it."""
    for option in ("out", "plot"):
        path = getattr(options, option)
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise ValueError(f"--{option} must be a file in a folder that exists; got {str(path)!r}")
    if options.plot:
        known = require("matplotlib.backend_bases", "--plot").FigureCanvasBase.get_supported_filetypes()
        if options.plot.suffix[1:].lower() not in known:
            raise ValueError(f"--plot must end with one of {', '.join(sorted(known))}; got {str(options.plot)!r}")


def columns(options, names):
    """Columns of series, time and target; what was not named is one of only two columns, or has its usual name."""
    time_col, target_col = options.time_col, options.target_col
    if len(names) == 2 and not {"ds", "y"} <= set(names):
        time_col = time_col or next(name for name in names if name != target_col)
        target_col = target_col or next(name for name in reversed(names) if name != time_col)
    chosen = options.id_col, time_col or "ds", target_col or "y"
    if len(set(chosen)) < 3:
        raise ValueError(f"--id-col, --time-col and --target-col must be three columns; got {', '.join(chosen)}")
    return chosen


def read(path, id_col):
    """A frame; labels of series stay as they are written, so that 007 is not 7 and NA is a label."""
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            require("pyarrow", "a parquet file")
            return pd.read_parquet(path)
        with open(path, encoding="utf-8-sig") as file:
            header = file.readline()
        form = {"sep": max(",;\t|", key=header.count), "encoding": "utf-8-sig"}
        frame = pd.read_csv(path, **form)
        if id_col in frame.columns:
            labels = pd.read_csv(path, **form, usecols=[id_col], dtype=str, keep_default_na=False)[id_col]
            frame[id_col] = labels.where(labels != "")
        return frame
    except FileNotFoundError:
        raise ValueError(f"the data file must exist; got {str(path)!r}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} must be a csv file with a header; {error}") from None


if __name__ == "__main__":
    main()
