"""What a parameter vector must be before a backend packs it."""


def check_parameters(theta, n, dtype):
    if theta.shape != (n,) or theta.dtype != dtype:
        raise ValueError(
            f"parameters of the network must be {n:,} numbers of {dtype}; got shape {theta.shape} of {theta.dtype}: "
            "they must come from a network of the same form."
        )
