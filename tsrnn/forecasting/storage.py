"""A fitted forecaster in a file that holds data only: arrays in safetensors' format, the rest as JSON in its header."""

import json
from dataclasses import asdict
from functools import partial

import numpy as np
import pandas as pd

from tsrnn import __version__
from tsrnn.encoder_decoder import EncoderDecoder
from tsrnn.extras import require
from tsrnn.forecasting import forms, times
from tsrnn.forecasting.covariates import Roles
from tsrnn.forecasting.ensemble import Member, Setting
from tsrnn.forecasting.fitted import Fitted
from tsrnn.forecasting.fitting import setting_of
from tsrnn.forecasting.frames import Panel
from tsrnn.forecasting.intervals import Errors
from tsrnn.forecasting.plan import Plan
from tsrnn.network import Network

FORMAT = "tsrnn.RNNForecaster 1"
WAYS_BACK = {
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


def save(forecaster, path):
    """Write `forecaster` to `path`."""
    save_file = require("safetensors.numpy", "save").save_file
    fitted, parameters = forecaster._fitted, forecaster.get_params()
    panel, members = fitted.panel, fitted.members
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = None  # has done its work
    stamps = panel.times.dtype.kind == "M" or isinstance(panel.times.dtype, pd.DatetimeTZDtype)
    arrays = {f"theta_{i}": member.theta for i, member in enumerate(members)}
    arrays |= {"values": panel.values, "known": panel.known, "starts": panel.starts}
    arrays["times"] = panel.times.asi8 if stamps else panel.times.to_numpy(np.int64)
    if fitted.errors is not None:
        arrays["errors"] = fitted.errors.adjusted
        if fitted.errors.plain is not None:
            arrays["plain_errors"] = fitted.errors.plain
    rest = {
        "version": __version__,
        "parameters": parameters,
        "plans": [asdict(plan) for plan in fitted.plans],
        "trial": None if fitted.trial is None else fitted.trial.to_dict("list"),
        "members": [described(member) for member in members],
        "ids": to_json(panel.ids),
        "stamps": [panel.times.unit, str(panel.times.tz) if panel.times.tz else None] if stamps else None,
        "freq": panel.freq,
        "setting": {name: value for name, value in vars(fitted.setting).items() if name != "effects"},
        "theta_share": fitted.theta_share,
        "fill_gaps": fitted.fill_gaps,
        "columns": panel.columns,
        "covariates": None if panel.covariates is None else panel.covariates.to_dict("list"),
        "effects": effects_of(fitted),
        "roles": fitted.roles,
        "codes": fitted.codes,
        "restore": to_json(panel.restore),
    }
    save_file(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()},
        path,
        {"format": FORMAT, "rest": json.dumps(rest)},
    )


def load(Forecaster, path):
    """The forecaster in the file at `path`."""
    safetensors = require("safetensors", "load")
    try:
        with safetensors.safe_open(path, "numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 it is no dict
    except safetensors.SafetensorError as error:
        raise ValueError(f"{str(path)!r} must be a file that RNNForecaster.save wrote, whole; got {error}.") from error
    if header.get("format") != FORMAT:
        raise ValueError(f"{str(path)!r} must be of format {FORMAT!r}; got {header.get('format')!r}.")
    rest = json.loads(header["rest"])
    index = pd.Index(arrays["times"])
    if rest["stamps"]:
        unit, zone = rest["stamps"]
        index = pd.DatetimeIndex(arrays["times"].view(f"M8[{unit}]"))
        index = index.tz_localize("UTC").tz_convert(zone) if zone else index
    forecaster = Forecaster(**rest["parameters"])
    panel = Panel(
        arrays["values"],
        arrays["known"],
        index,
        arrays["starts"],
        from_json(rest["ids"]),
        rest["freq"],
        from_json(rest["restore"]),
        tuple(rest["columns"]),
        pd.DataFrame(rest["covariates"]) if rest.get("covariates") else None,
    )
    effects = rest.get("effects") or None
    form = vars(setting_of(forecaster)) | rest.get("setting", {})  # in files of older versions, the parameters
    form |= {"quantiles": tuple(form["quantiles"])}
    form |= {"effects": None if effects is None else np.array(list(effects.values()))}
    errors = arrays.get("errors")  # in files of older versions, of the point forecast alone
    if errors is not None:
        errors = Errors(errors.reshape(-1, *errors.shape[-2:]), arrays.get("plain_errors"))
    members = [
        Member(
            Plan(**member["plan"]),
            network_of(member["network"]),
            arrays[f"theta_{i}"],
            member["loss_curve"],
            member.get("sees_gaps", member["network"]["n_inputs"] > member["plan"]["segment"]),
        )
        for i, member in enumerate(rest["members"])
    ]
    fitted = Fitted(
        panel=panel,
        roles=Roles(*rest.get("roles", ([], [], [], []))),
        codes=rest.get("codes", {}),
        setting=Setting(**form),
        members=members,
        plans=[Plan(**plan) for plan in rest["plans"]],
        trial=None if rest["trial"] is None else pd.DataFrame(rest["trial"]),
        errors=errors,
        theta_share=rest.get("theta_share", 0.0),  # files of older versions have none
        fill_gaps=rest.get("fill_gaps", forecaster.fill_gaps),
        effect_names=tuple(effects or ()),
    )
    return forecaster._keep(fitted)


def effects_of(fitted):
    effects = fitted.setting.effects
    return None if effects is None else dict(zip(fitted.effect_names, effects.tolist()))


def network_of(form):
    return (EncoderDecoder if "n_known" in form else Network)(**form)


def described(member):
    network = member.network
    beside = "n_known" if isinstance(network, EncoderDecoder) else "n_context"
    form = {name: getattr(network, name) for name in ("n_inputs", "hidden_size", "n_outputs", beside)}
    return {
        "plan": asdict(member.plan),
        "network": form | {"cell": network.cell.name},
        "loss_curve": member.loss_curve,
        "sees_gaps": member.sees_gaps,
    }


def to_json(thing):
    """What JSON holds of labels and of the way back to the form of the input."""
    if isinstance(thing, partial):
        return {"function": thing.func.__name__, "arguments": [to_json(argument) for argument in thing.args]}
    if callable(thing):
        return {"function": thing.__name__, "arguments": None}
    if isinstance(thing, pd.Index):
        labels = [label.item() if isinstance(label, np.generic) else label for label in thing]
        if not all(isinstance(label, (str, int, float)) for label in labels):
            raise ValueError(
                f"labels of series must be strings or numbers to be saved; got {type(labels[0]).__name__}."
            )
        return {"labels": labels, "name": thing.name, "dtype": str(thing.dtype)}
    return list(thing) if isinstance(thing, (tuple, list)) or type(thing).__name__ == "FrozenList" else thing


def from_json(thing):
    if not isinstance(thing, dict):
        return thing
    if "function" in thing:
        function = WAYS_BACK[thing["function"]]
        if thing["arguments"] is None:
            return function
        return partial(function, *map(from_json, thing["arguments"]))
    kind = thing["dtype"] if thing["dtype"] in ("str", "object", "int64", "float64") else None
    return pd.Index(thing["labels"], dtype=kind, name=thing["name"])
