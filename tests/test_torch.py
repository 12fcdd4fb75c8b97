"""The same weights in torch give the same predictions; the same step gives the same weights."""

import numpy as np
import pytest

from tsrnn import RNNClassifier, RNNRegressor, RNNSequenceRegressor

torch = pytest.importorskip("torch")
NETS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
LENGTHS = [7, 3, 12, 1, 9, 9, 4, 2, 11, 5]


def data(n_outputs=1, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, 3)) for length in LENGTHS]
    y = rng.normal(size=(len(X), n_outputs))
    return X, y[:, 0] if n_outputs == 1 else y


class Twin(torch.nn.Module):
    """A torch network with the weights of a fitted estimator."""

    def __init__(self, model):
        super().__init__()
        weights = {name: torch.from_numpy(part) for name, part in model.weights_.items()}
        dtype, n_in = weights["bias_ho"].dtype, weights["weight_ih_l0"].shape[1]
        options = {"nonlinearity": model.activation} if model.cell == "rnn" else {}
        options |= {"bidirectional": model.bidirectional, "batch_first": True, "dtype": dtype}
        self.net = NETS[model.cell](n_in, model.hidden_size, model.n_layers, **options)
        self.net.load_state_dict(
            {name: part for name, part in weights.items() if not name.endswith("ho")}
        )
        self.head = torch.nn.Linear(*reversed(weights["weight_ho"].shape), dtype=dtype)
        self.head.load_state_dict({"weight": weights["weight_ho"], "bias": weights["bias_ho"]})
        self.layers, self.directions = model.n_layers, 1 + model.bidirectional

    def forward(self, X):
        X = [torch.from_numpy(x).to(self.head.weight.dtype) for x in X]
        packed = torch.nn.utils.rnn.pack_sequence(X, enforce_sorted=False)
        state = self.net(packed)[1]
        last = state[0] if isinstance(state, tuple) else state
        last = last.view(self.layers, self.directions, len(X), -1)[-1]
        return self.head(torch.cat(list(last), dim=-1))

    def every_step(self, X):
        X = [torch.from_numpy(x).to(self.head.weight.dtype) for x in X]
        packed = torch.nn.utils.rnn.pack_sequence(X, enforce_sorted=False)
        outputs = self.net(packed)[0]
        return torch.nn.utils.rnn.unpack_sequence(outputs._replace(data=self.head(outputs.data)))

    def weights(self):
        named = {f"{name}": part for name, part in self.net.state_dict().items()}
        return {
            name: part.numpy()
            for name, part in (
                *named.items(),
                ("weight_ho", self.head.weight.detach()),
                ("bias_ho", self.head.bias.detach()),
            )
        }


def fitted(**options):
    X, y = data(2)
    return RNNRegressor(hidden_size=6, max_iter=3, random_state=0, **options).fit(X, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    ("cell", "activation"), [("rnn", "tanh"), ("rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
)
def test_same_predictions(cell, activation, bidirectional, n_layers, dtype):
    shape = {"n_layers": n_layers, "bidirectional": bidirectional, "dtype": dtype}
    model = fitted(cell=cell, activation=activation, **shape)
    X, _ = data(seed=1)
    expected = Twin(model)(X).detach().numpy()
    np.testing.assert_allclose(
        model.predict(X), expected, atol=1e-5 if dtype == "float32" else 1e-12
    )


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("cell", NETS)
def test_the_same_at_every_step(cell, n_layers, bidirectional):
    """Predictions of every step; then loss, gradient norm and weights of a plain step of training on them."""
    X, _ = data()
    y = [np.random.default_rng(i).normal(size=(len(x), 2)) for i, x in enumerate(X)]
    shape = {
        "cell": cell,
        "n_layers": n_layers,
        "bidirectional": bidirectional,
        "hidden_size": 6,
        "dtype": "float64",
    }
    model = RNNSequenceRegressor(
        **shape, solver="sgd", max_iter=1, learning_rate_init=1e-12, random_state=0
    ).fit(X, y)
    twin = Twin(model)
    outputs = twin.every_step(X)
    for part, expected in zip(model.predict(X), outputs):
        np.testing.assert_allclose(part, expected.detach().numpy(), atol=1e-12)
    model.set_params(warm_start=True, learning_rate_init=0.5, momentum=0.0, clip_norm=None).fit(
        X, y
    )
    optimiser = torch.optim.SGD(twin.parameters(), lr=0.5)
    loss = torch.nn.functional.mse_loss(torch.cat(outputs), torch.from_numpy(np.concatenate(y)))
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(twin.parameters(), np.inf)
    optimiser.step()
    assert model.loss_curve_[-1] == pytest.approx(float(loss.detach()), rel=1e-10)
    assert model.grad_norm_curve_[-1] == pytest.approx(float(norm), rel=1e-9)
    expected = twin.weights()
    for name, part in model.weights_.items():
        np.testing.assert_allclose(part, expected[name], atol=1e-9, err_msg=name)


@pytest.mark.parametrize("cell", NETS)
def test_torch_goes_on_from_the_same_state(cell):
    X = np.random.default_rng(0).normal(size=(4, 9, 3))
    settings = {
        "cell": cell,
        "n_layers": 2,
        "hidden_size": 6,
        "dtype": "float64",
        "max_iter": 1,
        "random_state": 0,
    }
    model = RNNSequenceRegressor(**settings).fit(X, X[:, :, 0])
    _, state = model.predict_with_state(X)
    last = Twin(model).net(torch.from_numpy(X))[1]
    for i, expected in enumerate(last if cell == "lstm" else [last]):
        np.testing.assert_allclose(
            state[:, :, i], expected.detach().numpy().transpose(1, 0, 2), atol=1e-12
        )


def test_set_weights_is_the_way_back():
    model, X = fitted(cell="gru", n_layers=2, bidirectional=True), data()[0]
    twin = Twin(model)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.set_weights(twin.weights())
    np.testing.assert_allclose(model.predict(X), twin(X).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("clip_norm", [None, 0.01])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", NETS)
def test_one_plain_step(cell, bidirectional, n_layers, clip_norm):
    X, y = data(2)
    shape = {"cell": cell, "n_layers": n_layers, "bidirectional": bidirectional, "hidden_size": 6}
    model = RNNRegressor(
        solver="sgd", max_iter=1, clip_norm=clip_norm, learning_rate_init=1e-12, **shape
    ).fit(X, y)
    twin = Twin(model)
    model.set_params(warm_start=True, learning_rate_init=0.5, momentum=0.0).fit(X, y)
    optimiser = torch.optim.SGD(twin.parameters(), lr=0.5)
    torch.nn.functional.mse_loss(twin(X), torch.from_numpy(y).float()).backward()
    norm = torch.nn.utils.clip_grad_norm_(twin.parameters(), clip_norm or np.inf)
    optimiser.step()
    assert model.grad_norm_curve_[-1] == pytest.approx(float(norm), rel=1e-5)
    expected = twin.weights()
    for name, part in model.weights_.items():
        np.testing.assert_allclose(part, expected[name], atol=1e-5, err_msg=name)


OPTIMISERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.0),
}


@pytest.mark.parametrize("solver", OPTIMISERS)
def test_some_steps_of_each_optimiser(solver):
    X, y = data(2)
    options = {
        "cell": "lstm",
        "hidden_size": 5,
        "dtype": "float64",
        "solver": solver,
        "learning_rate_init": 0.01,
    }
    model = RNNRegressor(max_iter=1, random_state=0, clip_norm=None, **options).fit(X, y)
    start = RNNRegressor(
        max_iter=1, random_state=0, clip_norm=None, **options | {"learning_rate_init": 1e-300}
    ).fit(X, y)
    twin, steps = Twin(start), 6
    model.set_params(max_iter=steps).fit(X, y)
    optimiser = OPTIMISERS[solver](twin.parameters())
    for _ in range(steps):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(twin(X), torch.from_numpy(y)).backward()
        optimiser.step()
    expected = twin.weights()
    for name, part in model.weights_.items():
        np.testing.assert_allclose(part, expected[name], atol=1e-8, err_msg=name)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1.0, 1: 3.0, 2: 0.5}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_losses_of_classifiers(n_classes, class_weight):
    X, _ = data()
    y = np.array([0, 1, 2, 0, 1, 0, 0, 1, 2, 0]) % n_classes
    if isinstance(class_weight, dict):
        class_weight = {label: class_weight[label] for label in range(n_classes)}
    model = RNNClassifier(
        max_iter=1,
        hidden_size=6,
        learning_rate_init=1e-12,
        dtype="float64",
        class_weight=class_weight,
        random_state=0,
    ).fit(X, y)
    twin, counts = Twin(model), np.bincount(y)
    weights = len(y) / (n_classes * counts) if class_weight == "balanced" else np.ones(n_classes)
    if isinstance(class_weight, dict):
        weights = np.array(list(class_weight.values()))
    outputs, labels = twin(X), torch.from_numpy(y)
    if n_classes == 2:
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            outputs[:, 0], labels.double(), reduction="none"
        )
        loss = (each * torch.from_numpy(weights[y])).sum() / weights[y].sum()
        p = torch.sigmoid(outputs[:, 0])
        expected = torch.stack([1 - p, p], dim=1)
    else:
        loss = torch.nn.functional.cross_entropy(outputs, labels, weight=torch.from_numpy(weights))
        expected = torch.softmax(outputs, dim=1)
    assert model.loss_curve_[0] == pytest.approx(float(loss.detach()), rel=1e-10)
    np.testing.assert_allclose(model.predict_proba(X), expected.detach().numpy(), atol=1e-10)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(twin.parameters(), np.inf)
    assert model.grad_norm_curve_[0] == pytest.approx(float(norm), rel=1e-9)
