"""Names for what the verb `place` does, on both devices: columns copied, and steps read from their end."""


def copy_columns(backend, source, target, lengths, to=0):
    """target[t, b, to : to + width of source] = source[t, b] for t < lengths[b]."""
    backend.copy_steps(source, 0, target, to, source.shape[2], lengths, False, False)


def direction_in(backend, source, target, lengths, direction):
    """The columns of a direction, of as many units as `target` has: the second one runs from the end of each row."""
    backend.copy_steps(
        source,
        direction * target.shape[2],
        target,
        0,
        target.shape[2],
        lengths,
        direction == 1,
        False,
    )


def direction_out(backend, source, target, lengths, direction):
    """The same the other way: the outputs of a direction beside those of the other."""
    backend.copy_steps(
        source,
        0,
        target,
        direction * source.shape[2],
        source.shape[2],
        lengths,
        direction == 1,
        False,
    )


def reverse_steps(backend, source, target, lengths):
    """Every row from its end."""
    backend.copy_steps(source, 0, target, 0, source.shape[2], lengths, True, False)


def add_reversed(backend, source, target, lengths):
    """Every row from its end, added to what is there."""
    backend.copy_steps(source, 0, target, 0, target.shape[2], lengths, True, True)
