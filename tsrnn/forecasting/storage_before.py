"""Files of the first format, "tsrnn.RNNForecaster 1", which had no checksum: arrays, and JSON of the rest."""

from functools import partial

import numpy as np
import pandas as pd

from tsrnn.files.container import as_json
from tsrnn.files.errors import DamagedError, reason
from tsrnn.files.estimators import estimator_of
from tsrnn.files.records import check_array, check_finite
from tsrnn.forecasting.ensemble import Member
from tsrnn.forecasting.fitted import Fitted
from tsrnn.forecasting.fitting import read_parameters, setting_of
from tsrnn.forecasting.intervals import Errors
from tsrnn.forecasting.panel import forms, times
from tsrnn.forecasting.panel.covariates import Roles
from tsrnn.forecasting.panel.frames import Panel
from tsrnn.forecasting.plan import Plan
from tsrnn.forecasting.setting import Setting
from tsrnn.forecasting.shares import shares_before
from tsrnn.networks.architecture import network_of
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.network import Network

FORMAT = "tsrnn.RNNForecaster 1"
RESTORERS = {
    function.__name__: function
    for function in (
        forms.as_it_is,
        forms.to_polars,
        forms.to_two_levels,
        forms.to_series,
        forms.to_wide,
        times.with_periods,
    )
}


NAMES = {"level": "level_window"}  # parameters that were called otherwise


def read(Forecaster, metadata, arrays):
    """The forecaster with the parameters of such a file, and the record of its fit, not checked yet."""
    if metadata.get("format") != FORMAT:
        raise DamagedError("a file of something else")
    try:
        return understood(Forecaster, as_json(metadata["rest"]), arrays)
    except (DamagedError, MemoryError, ImportError):
        raise
    except Exception as error:  # of all that may be made of a wrong one
        raise DamagedError(reason(error)) from error


def understood(Forecaster, rest, arrays):
    forecaster = estimator_of(
        Forecaster, {NAMES.get(name, name): value for name, value in rest["parameters"].items()}
    )
    panel = panel_of(rest, arrays)
    roles = Roles(*rest.get("roles", ([], [], [], [])))
    codes = rest.get("codes", {})
    members = [member_of(form, arrays[f"theta_{i}"]) for i, form in enumerate(rest["members"])]
    used = {member.plan for member in members}
    errors = arrays.get("errors")  # in the oldest files, of the point forecast alone
    fitted = Fitted(
        panel=panel,
        roles=roles,
        codes=codes,
        setting=setting_with(forecaster, rest, members),
        members=members,
        plans=[plan for plan in (Plan(**plan) for plan in rest["plans"]) if plan in used],
        trial=None if rest["trial"] is None else pd.DataFrame(rest["trial"]),
        errors=None if errors is None else Errors(errors.reshape(-1, *errors.shape[-2:])),
        shares=shares_before(rest.get("theta_share", 0.0)),
        fill_gaps=bool(forecaster.fill_gaps),
        effect_names=tuple(rest.get("effects") or ()),
    )
    return forecaster, fitted


def panel_of(rest, arrays):
    index = pd.Index(arrays["times"])
    if rest["stamps"]:
        unit, zone = rest["stamps"]
        index = pd.DatetimeIndex(arrays["times"].view(f"M8[{unit}]"))
        index = index.tz_localize("UTC").tz_convert(zone) if zone else index
    return Panel(
        values=arrays["values"],
        known=arrays["known"],
        times=index,
        starts=arrays["starts"],
        ids=thing_of(rest["ids"]),
        freq=rest["freq"],
        restore=thing_of(rest["restore"]),
        columns=tuple(rest["columns"]),
        covariates=covariates_of(rest.get("covariates")),
    )


def covariates_of(columns):
    if not columns:
        return None
    arrays = {name: np.array(values, dtype=kind_of(values)) for name, values in columns.items()}
    return pd.DataFrame(
        {name: pd.Series(array, dtype=array.dtype) for name, array in arrays.items()}
    )


def kind_of(values):
    return object if isinstance(values[0], str) else np.float64


def setting_with(forecaster, rest, members):
    """The parameters stood for the setting of `fit`."""
    effects = rest.get("effects") or None
    own = {
        "hidden_size": members[0].network.hidden_size,
        "quantiles": tuple(rest.get("quantiles", ())),
        "effects": None if effects is None else np.array(list(effects.values()), np.float64),
    }
    return Setting(**vars(setting_of(read_parameters(forecaster))) | own)


def member_of(form, theta):
    """A network of one layer, and its parameter vector as that version laid it out, which is today's layout."""
    plan = Plan(**form["plan"])
    kind = EncoderDecoder if "n_known" in form["network"] else Network
    own = {"one_hot": False} if kind is EncoderDecoder else {"every_step": False}
    common = {"n_layers": 1, "bidirectional": False, "dropout": 0.0, "dtype": "float32"}
    network = network_of(kind, common | own | form["network"], largest=theta.size)
    check_array(theta, "weights", network.dtype, (network.layout.size,))
    check_finite(theta, "weights")
    sees_gaps = form.get("sees_gaps", network.n_inputs > plan.segment)
    return Member(plan, network, theta, form["loss_curve"], sees_gaps)


def thing_of(thing):
    """Labels, and the way back to the form of the input."""
    if not isinstance(thing, dict):
        return thing
    if "function" in thing:
        function = RESTORERS[thing["function"]]
        if thing["arguments"] is None:
            return function
        return partial(function, *map(thing_of, thing["arguments"]))
    kind = thing["dtype"] if thing["dtype"] in ("str", "object", "int64", "float64") else None
    return pd.Index(thing["labels"], dtype=kind, name=thing["name"])
