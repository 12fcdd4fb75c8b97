"""The `tsrnn` command: a file in, forecasts out. Bad arguments or data end with status 2 and one sentence."""

import argparse
import sys
import time
from pathlib import Path

from tsrnn import __version__


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
    add("--time-col", default="ds", metavar="NAME", help="column of times (default: ds)")
    add("--target-col", default="y", metavar="NAME", help="column of values (default: y)")
    add("--out", type=Path, metavar="FILE", help="csv to write; standard output if not given")
    add("--plot", type=Path, metavar="FILE", help="picture to write, such as forecast.png")
    add("--seed", type=int, default=0, metavar="N", help="the same seed gives the same forecast (default: 0)")
    options = parser.parse_args(arguments)
    try:
        run(options)
    except (ValueError, TypeError, OSError, ImportError) as error:
        forecast.error(" ".join(str(error).split()))


def run(options):
    """Read, train, forecast, write."""
    begin = time.perf_counter()
    for option in ("out", "plot"):  # before the work, not after it
        path = getattr(options, option)
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"the folder of --{option} must exist; got {str(path)!r}")
    frame = read(options.data)
    from tsrnn.forecasting.forecaster import RNNForecaster

    id_col, time_col, target_col = options.id_col, options.time_col, options.target_col
    if (time_col, target_col) == ("ds", "y") and frame.shape[1] == 2:
        time_col, target_col = frame.columns  # a file of two columns can only mean one thing
    single = id_col not in frame.columns and {time_col, target_col} <= set(frame.columns)
    if single:
        frame[id_col] = options.data.stem
    freq = int(options.freq) if options.freq and options.freq.isdigit() else options.freq
    settings = {"h": options.h, "freq": freq, "season_length": options.season_length}
    forecaster = RNNForecaster(**settings, random_state=options.seed, verbose=1)
    forecasts = forecaster.fit(frame, id_col, time_col, target_col).predict()
    (forecasts.drop(columns=id_col) if single else forecasts).to_csv(options.out or sys.stdout, index=False)
    if options.plot:
        from tsrnn.forecasting.plotting import plot_forecasts

        columns = {"id_col": id_col, "time_col": time_col, "target_col": target_col}
        frame[time_col] = frame[time_col].astype(forecasts[time_col].dtype)
        plot_forecasts(frame, forecasts, **columns).savefig(options.plot, dpi=130)
    n, seconds = forecasts[id_col].nunique(), time.perf_counter() - begin
    written = "".join(f", written to {path}" for path in (options.out, options.plot) if path)
    print(f"{n} series, {options.h} steps each, in {seconds:.1f} s{written}", file=sys.stderr)


def read(path):
    import pandas as pd

    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except FileNotFoundError:
        raise ValueError(f"the data file must exist; got {str(path)!r}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} must be a csv file with a header; {error}") from None


if __name__ == "__main__":
    main()
