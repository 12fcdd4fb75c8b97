"""A fitted forecaster in a file."""

from dataclasses import replace

from tsrnn.backends.devices import backend_of
from tsrnn.files import estimators
from tsrnn.files.errors import DamagedError
from tsrnn.files.functions import functions
from tsrnn.files.records import names_of, record
from tsrnn.files.trees import Codec
from tsrnn.forecasting import storage_before
from tsrnn.forecasting.adjusted import Adjusted
from tsrnn.forecasting.ensemble import Member
from tsrnn.forecasting.fitted import Fitted
from tsrnn.forecasting.fitting import renamed
from tsrnn.forecasting.intervals import Errors
from tsrnn.forecasting.panel import dtypes, forms, times
from tsrnn.forecasting.panel.covariates import Roles
from tsrnn.forecasting.panel.frames import Panel
from tsrnn.forecasting.panel.histories import Histories
from tsrnn.forecasting.plan import Plan
from tsrnn.forecasting.setting import Setting
from tsrnn.forecasting.shares import shares_before
from tsrnn.forecasting.soundness import check_fitted
from tsrnn.networks import architecture

RESTORERS = [  # of forecasts, to the form of the input
    forms.as_it_is,
    forms.to_polars,
    forms.to_two_levels,
    forms.to_series,
    forms.to_wide,
    forms.to_typed_polars,
    forms.to_index_freq,
    dtypes.as_came,
    times.with_periods,
]


def encode_member(member, writer):
    """A network and its weights, which go by torch's names."""
    weights = member.network.to_weights(member.theta)
    return writer.fields(vars(member) | {"theta": weights})


def decode_member(payload, reader):
    parts = reader.fields(payload, ["plan", "network", "theta", "loss_curve", "sees_gaps"])
    if not isinstance(parts["network"], tuple(architecture.OWN)):
        raise DamagedError("a network that is none")
    return Member(**parts | {"theta": architecture.theta_of(parts["network"], parts["theta"])})


def decode_fitted(payload, reader):
    """A record; before version 0.3 it had the share of the Theta method alone."""
    needed, optional = names_of(Fitted)
    needed = [name for name in needed if name != "shares"]
    parts = reader.fields(payload, needed, [*optional, "shares", "theta_share"])
    if ("shares" in parts) == ("theta_share" in parts):
        raise DamagedError("a record without shares, or with two kinds")
    if "theta_share" in parts:
        parts["shares"] = shares_before(parts.pop("theta_share"))
    return Fitted(**parts)


def encode_fitted(fitted, writer):
    return writer.fields(vars(fitted))


RECORDS = [
    *architecture.CODECS,
    *functions(RESTORERS),
    Codec("Member", Member, encode_member, decode_member),
    Codec("Fitted", Fitted, encode_fitted, decode_fitted),
    *(record(kind) for kind in (Panel, Roles, Setting, Plan, Errors)),
]


def save(forecaster, path):
    """Write `forecaster` to `path`."""
    estimators.save(path, forecaster, forecaster._fitted, RECORDS, check=complete(type(forecaster)))


def load(Forecaster, path, device=None):
    """The forecaster in the file at `path`."""

    def before(metadata, arrays):
        return storage_before.read(Forecaster, metadata, arrays)

    forecaster, fitted = estimators.load(path, Forecaster, RECORDS, complete(Forecaster), before)
    if forecaster.theta_share != "deprecated":
        shares = renamed(forecaster.theta_share)
        forecaster.set_params(shares=shares, theta_share="deprecated")
    setting = fitted.setting
    place = {"device": setting.device, "precision": setting.precision}
    place = estimators.place_of(place, device, backend_of, Forecaster)
    forecaster._keep(replace(fitted, setting=replace(setting, **place)))
    return forecaster if device is None else forecaster.set_params(**place)


def complete(Forecaster):
    """A function of a record: checks it, and adds what files of the first format lack."""

    def check(fitted):
        check_fitted(fitted, Forecaster._constraints)
        if fitted.setting.typical is not None:
            return fitted
        setting = Adjusted(Histories(fitted.panel.series), fitted.setting).with_typical().setting
        return replace(fitted, setting=setting)

    return check
