"""Works on threads, side by side; Ctrl-C asks them all to stop."""

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from joblib import effective_n_jobs

from tsrnn.backends import cpu


def n_beside(n_jobs, backend):
    """Works on threads at a time: on all cores where nobody says how many, one where a GPU does them."""
    return effective_n_jobs(n_jobs or -1) if backend is cpu else 1


def side_by_side(works, n_threads):
    """What functions return, and whether Ctrl-C ended them; each is called with a function that says whether to stop.

    After Ctrl-C those that had begun return what they have, and None stands for the others. Whatever else goes wrong,
    in one of them or with the caller, stops them all and goes on.
    """
    stop = threading.Event()
    threads = ThreadPoolExecutor(min(n_threads, len(works)))
    running = []
    try:
        running += [threads.submit(work, stop.is_set) for work in works]
        return results_of(running), False
    except KeyboardInterrupt:
        stop.set()
        return [None if one.cancel() else one.result() for one in running], True
    finally:
        stop.set()
        threads.shutdown(cancel_futures=True)


def results_of(running):
    """What threads return, or the first exception that one of them raises."""
    left = running
    while left:
        # without an end Ctrl-C would not be heard
        done, left = wait(left, timeout=0.1, return_when=FIRST_EXCEPTION)
        for one in done:
            one.result()
    return [one.result() for one in running]
