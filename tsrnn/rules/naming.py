"""Functions of one factory under names of their own."""


def distinct(name):
    """Decorate a function that a factory makes with a name that no other function of its module has.

    Machine code on disk calls its helpers by their qualified name, the types of their arguments, and a number that
    counts the functions of the process that compiled it. The functions of one factory share all but the number. In
    another process, which imported something else before, the number of one is the number of another: loaded together,
    one is then called for the other, without an error.
    """

    def rename(function):
        function.__name__ = function.__qualname__ = name
        return function

    return rename
