"""Forecasts of trained networks: the median of what they forecast, mixed with those of simple methods."""

import numpy as np

from tsrnn.exceptions import DivergenceError
from tsrnn.forecasting.quantiles import blend, median
from tsrnn.forecasting.shares import mixed
from tsrnn.forecasting.simple_forecasts import SIMPLE
from tsrnn.networks.passes import WorkspacePool, predict


def forecast_any_horizon(adjusted, members, shares, h):
    """Forecast (1 + n_quantiles, n_series, h); beyond the trained horizon, forecasts are taken for values."""
    parts = [ensemble_forecast(adjusted, members, shares)]
    while len(parts) * adjusted.setting.h < h:
        adjusted = adjusted.followed_by(parts[-1][0])
        parts.append(ensemble_forecast(adjusted, members, shares))
    return np.concatenate(parts, axis=2)[:, :, :h]


def ensemble_forecast(adjusted, members, shares):
    """Median forecast (1 + n_quantiles, n_series, h) of some members, mixed with simple ones."""
    forecasts = median_forecasts(adjusted, members)
    simple = {name: SIMPLE[name](adjusted) for name in shares}
    return blend(forecasts, mixed(forecasts[0], simple, shares))


def median_forecasts(adjusted, members):
    """Median forecast (1 + n_quantiles, n_series, h) of some members."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is said in a sentence
        forecasts = median(member_forecasts(adjusted, members))
    check_finite(forecasts, adjusted.setting)
    return forecasts


def member_forecasts(adjusted, members):
    """The forecast (1 + n_quantiles, n_series, h) of each member."""
    return [
        adjusted.forecasts(member.plan, network_forecast(adjusted, member)) for member in members
    ]


def network_forecast(adjusted, member):
    """The forecast (1 + n_quantiles, n_series, h) of what a network sees; where fewer values come at once, they are
    taken for known ones.
    """
    setting = adjusted.setting
    windows = adjusted.windows(
        member.plan, member.sees_gaps, n_behind=setting.n_seen([member.plan], setting.h)
    )
    everyone = np.arange(len(windows))
    parts = []
    while True:
        # none holds values of before
        workspaces = WorkspacePool(member.network.dtype, setting.backend)
        z = predict(
            member.network, member.theta, windows, setting.n_threads, workspaces=workspaces
        ).astype(np.float64)
        blocks = z.reshape(len(everyone), setting.n_blocks, -1).swapaxes(0, 1)
        parts.append(blocks + windows.levels(everyone)[:, None])
        if len(parts) * blocks.shape[2] >= setting.h:
            return np.concatenate(parts, axis=2)[:, :, : setting.h]
        windows = windows.forward(parts[-1][0])


def check_finite(forecasts, setting):
    """Weights that are finite need not give forecasts that are."""
    if not np.isfinite(forecasts).all():
        raise DivergenceError(
            "forecasts must be finite; got some that are not, as training diverged or the horizon is too long: try a "
            f"lower learning_rate_init (it was {setting.learning_rate_init:g}), a smaller clip_norm (it was "
            f"{setting.clip_norm}) or a smaller h."
        )
