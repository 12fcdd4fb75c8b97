"""How long to train where nobody says, and with how much weight decay: enough updates for few rows, enough epochs for
many.
"""

from dataclasses import replace

from tsrnn.estimators.auto import AUTO

BATCHES = ((128, 8), (512, 16), (2048, 32))  # up to so many rows, so many in a batch
LARGEST_BATCH = 64
LEAST_EPOCHS = 20
PATIENCE_EPOCHS = 10
PATIENCE = 3  # one in so many of the updates
DECAY = 3  # of all sequences together
MOST_DECAY = 0.05
MERGED = 512  # rows that are looked through for equal ones, so that a weight is the same as repeated rows


def batch_size_for(n_rows):
    """Rows of an update: few where there are few, so that an epoch has several updates."""
    return next((size for most, size in BATCHES if n_rows <= most), LARGEST_BATCH)


def most_merged(recipe):
    """Up to how many rows equal ones are made one."""
    return MERGED if recipe.batch_size == AUTO else recipe.batch_size


def budgeted(recipe, rows, n_updates):
    """The recipe with a value for every "auto", for at least so many updates of rows as an epoch takes them."""
    size = batch_size_for(len(rows)) if recipe.batch_size == AUTO else recipe.batch_size
    n_batches = max(1, rows.n_batches(size))
    chosen = {
        "batch_size": size,
        "max_iter": max(LEAST_EPOCHS, -(-n_updates // n_batches)),
        "n_iter_no_change": max(PATIENCE_EPOCHS, -(-n_updates // PATIENCE // n_batches)),
        "alpha": min(MOST_DECAY, DECAY / len(rows)),
        "learning_rate": "cosine",
    }
    left = [name for name in chosen if getattr(recipe, name) == AUTO]
    return replace(recipe, **{name: chosen[name] for name in left})
