"""Optional packages: each is imported where it is needed, and names the extra that installs it where it is missing."""

from importlib import import_module

EXTRAS = {  # package: the extra of tsrnn that installs it
    "matplotlib": "plot",
    "polars": "polars",
    "pyarrow": "polars",
    "safetensors": "save",
    "sktime": "sktime",
}


def require(module, user):
    """Import a module of an optional package.

    Parameters
    ----------
    module : str
        Full name of the module, such as "matplotlib.figure".
    user : str
        What needs it, for the error: "a plot".

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If the package is missing, with the command that installs it; if it is there and cannot be imported, with the
        reason.
    """
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        # a package that this one needs is missing
        if (error.name or "").partition(".")[0] != package:
            raise broken(package, user, error) from error
        raise ImportError(f"{user} needs {package}: {command(package)}.", name=package) from error
    except ImportError as error:
        raise broken(package, user, error) from error


def command(package):
    """What a user types to install `package`."""
    return (
        f'pip install "tsrnn[{EXTRAS[package]}]"' if package in EXTRAS else f"pip install {package}"
    )


def broken(package, user, error):
    reason = " ".join(str(error).split())
    return ImportError(
        f"{user} needs {package}, which cannot be imported here: {reason}.", name=package
    )
