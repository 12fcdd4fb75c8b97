"""What can be wrong with a file; callers turn it into the sentence that names the file."""


class DamagedError(ValueError):
    """The file is not what `save` wrote; the message is what it is instead."""


class NewerError(ValueError):
    """The file is of a format that this version does not know."""


def reason(error):
    """An error as a part of one sentence."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
