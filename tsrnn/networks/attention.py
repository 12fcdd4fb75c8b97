"""Attention over the steps of a sequence (Raffel & Ellis 2015): the head sees a mean of the outputs of all steps,
weighted by the softmax of a learnt score of each, s = w o, where o are the outputs of both directions at a step.
"""

from tsrnn.networks.layout import padded


def outputs_of_steps(network, traces, batch, workspace):
    """Outputs of all steps, both directions side by side: those of step 0, row by row, then of step 1, and so on."""
    D = len(network.directions)
    H = network.width
    steps = workspace.array("steps", (int(batch.lengths.sum()), D * H))
    for d in range(D):
        states = traces[d - D].states
        workspace.backend.every_output(states, batch.device_lengths, steps, d * H, d == 1)
    return steps


def attend(network, packed, traces, batch, workspace, head_input):
    """Write the weighted means into the head's input; outputs and shares of steps stay in the workspace."""
    backend = workspace.backend
    steps = outputs_of_steps(network, traces, batch, workspace)
    shares = workspace.array("shares", (steps.shape[0], padded(1)))
    none = workspace.array("no_bias", (padded(1),))  # it would raise all scores alike
    backend.fill(none, 0)
    backend.affine(steps, packed["weight_attention"], none, shares)
    backend.attended_outputs(steps, batch.device_lengths, batch.x.shape[0], shares, head_input)


def attend_backward(network, packed, batch, d_head_input, workspace, gradient):
    """Fill the gradient of the scores' weights; that of the outputs of all steps is returned.

    With shares a of steps and d the gradient of the mean: do = a d + ds w, and ds = a (d o - sum of a d o).
    """
    backend = workspace.backend
    n_steps = int(batch.lengths.sum())
    steps = workspace.array("steps", (n_steps, len(network.directions) * network.width))
    shares = workspace.array("shares", (n_steps, padded(1)))
    d_steps = workspace.array("d_steps", steps.shape)
    d_scores = workspace.array("d_scores", shares.shape)
    lengths = batch.device_lengths
    backend.scatter_attended(
        d_head_input, steps, shares, lengths, batch.x.shape[0], d_steps, d_scores
    )
    through_scores = workspace.array("through_scores", steps.shape)
    part = network.layout.parts["weight_attention"]
    n_weights = part.stop - part.start
    own = workspace.array("d_attention", (n_weights + padded(1),))
    backend.affine_backward(steps, packed["weight_attention_t"], d_scores, through_scores, own, 0)
    backend.fill(gradient[part], own[:n_weights])
    backend.add_columns(through_scores, 0, d_steps)
    return d_steps
