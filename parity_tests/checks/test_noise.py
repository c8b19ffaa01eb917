"""Each row of the table of noise: moved by what other orders of the same arithmetic give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from checks.plainly import ulp_distance

from repro.checks import noise, nudged
from repro.checks.aware import aware
from repro.checks.noise import NUMPY, TORCH, Moves, Noise, Stream, product_size, sum_size
from repro.checks.perturb import knowing_input, moved_input, perturbing
from repro.checks.perturb_numpy import perturbed

F32 = np.float32
U = 2.0**-24


def generator(seed=0):
    return np.random.default_rng(seed)


def stream(seed=1):
    return Stream(seed, Moves())


def moved_by_numpy(compute, *inputs, seed=1):
    source = stream(seed)
    return compute(*(perturbed(a, source) for a in inputs)), source.moves


def moved_by_torch(compute, *inputs, seed=1):
    source = stream(seed)
    with perturbing(source):
        return compute(*map(torch.tensor, inputs)).detach().numpy(), source.moves


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nudged_moves_every_value_by_one_ulp_either_way(dtype):
    values = generator().normal(size=(50, 4)).astype(dtype)
    moved = nudged(values, 3)
    assert moved.dtype == dtype and (ulp_distance(values, moved) == 1).all()
    assert 60 < (moved > values).sum() < 140
    assert np.array_equal(moved, nudged(values, 3))
    assert not np.array_equal(moved, nudged(values, 4))


@pytest.mark.parametrize("values", [3, True, [1, 2], np.uint8(7)])
def test_nudged_leaves_integers_and_bools(values):
    assert np.array_equal(nudged(values, 0), values)


def test_whole_numbers_infinities_and_nan_stay_and_large_ones_do_not():
    """Catches a perturbation that makes 1.0000001 of a probability or of a label, or NaN of a
    mask; and one that takes every large number for a count."""
    values = np.array([0, 1, -2, 0.5, 1e9, np.inf, -np.inf, np.nan], F32)
    moved = values.copy()
    for seed in range(9):
        stream(seed).nudge(moved)
    still = (moved == values) | (np.isnan(moved) & np.isnan(values))
    assert still.tolist() == [True, True, True, False, False, True, True, True]


@pytest.mark.parametrize("shape", [(100, 100), (700, 1000)])
def test_noise_goes_either_way_and_is_as_large_as_it_says(shape):
    """Catches noise of one sign, which moves no difference of sums; and a pool too small for all
    that is asked."""
    xi = stream().xi(shape)
    assert xi.shape == shape and 0.45 < (xi > 0).mean() < 0.55
    assert np.abs(xi).min() >= 0.5 and np.abs(xi).max() <= 1.5
    assert abs(np.abs(xi).mean() - 1) < 0.01


def test_inside_what_computes_in_half_float32_is_moved_like_float16():
    narrow, source = np.full(9, 0.7, F32), stream()
    source.half = True
    source.nudge(narrow)
    assert (np.abs(narrow / F32(0.7) - 1) > 2.0**-12).all()


@pytest.mark.parametrize("alpha", [2, 3])
def test_a_product_is_moved_as_often_as_it_is_taken(alpha):
    a, b = (generator(i).normal(size=(40, 40)).astype(F32) for i in range(2))
    moved = np.zeros((2, 40, 40))
    for values, times in zip(moved, (-1, alpha), strict=True):
        noise.move_product(stream(), values, a, b, alpha=times)
    assert np.allclose(moved[1], -alpha * moved[0])


def test_a_step_s_randomness_is_its_own():
    """Catches a stream that depends on how many runs or steps there were before."""
    source = stream(3)
    first = source.xi((4,)).copy()
    source.xi((100,))
    source.at(7)
    later = source.xi((4,)).copy()
    other = stream(3)
    other.at(7)
    assert np.array_equal(other.xi((4,)), later) and not np.array_equal(first, later)
    other.at(0)
    assert np.array_equal(other.xi((4,)), first)
    assert not np.array_equal(stream(4).xi((4,)), first)
    assert np.abs(first).min() >= 0.5 and np.abs(first).max() <= 1.5


X = generator(2).normal(size=(64, 48)).astype(F32)
A = (generator(3).normal(size=(9, 9)) + 4 * np.eye(9)).astype(F32)

OPERATIONS = [
    ("pointwise", np.exp, torch.exp, Noise.POINTWISE),
    ("a difference from exp", np.expm1, torch.expm1, Noise.NEAR_ONE),
    ("sum", lambda a: np.sum(a, axis=0), lambda a: a.sum(0), Noise.SUM),
    ("mean", lambda a: np.mean(a, axis=0), lambda a: a.mean(0), Noise.SUM),
    ("cumulative", lambda a: np.cumsum(a, axis=0), lambda a: a.cumsum(0), Noise.CUMULATIVE),
    ("product", lambda a: a @ a.T, lambda a: a @ a.T, Noise.PRODUCT),
    ("norm", lambda a: np.linalg.norm(a, axis=0), lambda a: torch.linalg.vector_norm(a, dim=0),
     Noise.NORM),
    ("solve", lambda a: np.linalg.inv(a[:9, :9]), lambda a: torch.linalg.inv(a[:9, :9]),
     Noise.SOLVE),
    ("eigen", lambda a: np.linalg.svd(a)[1], lambda a: torch.linalg.svdvals(a), Noise.EIGEN),
    ("fft", lambda a: np.fft.rfft(a).real, lambda a: torch.fft.rfft(a).real, Noise.FFT),
]  # fmt: skip


@pytest.mark.parametrize(("by_numpy", "by_torch", "row"), [pytest.param(*o[1:], id=o[0])
                                                          for o in OPERATIONS])  # fmt: skip
def test_each_row_moves_numpy_and_torch_alike(by_numpy, by_torch, row):
    """Catches an operation that is not moved, or by a hundred times what it may round."""
    for moved_by, compute, plain in (
        (moved_by_numpy, by_numpy, by_numpy(X)),
        (moved_by_torch, by_torch, by_torch(torch.tensor(X)).numpy()),
    ):
        moved, moves = moved_by(compute, X)
        off = np.abs(np.asarray(moved, np.float64) - plain)
        assert row in {noise for _, noise in moves.moved}
        scale = np.abs(plain).max() * U
        assert 0.1 * scale < off.max() < 400 * scale and not moves.unlisted
        assert np.mean(off > 0) > 0.3 and np.asarray(moved).dtype == plain.dtype


ORDERS = {
    "loop": lambda t: np.add.accumulate(t, axis=1)[:, -1],
    "backwards": lambda t: np.add.accumulate(t[:, ::-1], axis=1)[:, -1],
    "pairs": lambda t: t.sum(axis=1),
}


@pytest.mark.parametrize("n", [100, 1000, 30_000])
@pytest.mark.parametrize("kind", ["uniform", "normal", "equal"])
def test_a_sum_is_moved_as_far_as_its_orders_differ(n, kind):
    """Catches the noise of one rounding for a sum of many, and sqrt(n) times the sum of sizes."""
    terms = {
        "uniform": generator(n).random((60, n)),
        "normal": generator(n).normal(size=(60, n)),
        "equal": np.repeat(generator(n).random((60, 1)), n, axis=1),
    }[kind].astype(F32)
    exact = terms.sum(axis=1, dtype=np.float64)
    result = ORDERS["pairs"](terms)
    size = sum_size(terms, result)
    for order in ORDERS.values():
        off = np.abs(order(terms) - exact)
        assert (off < 10 * 0.7 * size).all(), "ten times what eight runs move covers it"
    loop = np.abs(ORDERS["loop"](terms) - exact)
    assert np.median(size) < 20 * max(np.median(loop), np.median(np.abs(result)) * U)


@pytest.mark.parametrize("n", [10, 200, 5000])
def test_a_product_is_moved_as_far_as_a_loop_differs(n):
    a, b = generator(n).normal(size=(8, n)).astype(F32), generator(7).random((n, 8)).astype(F32)
    size = product_size(a, b, a @ b)
    loop = np.zeros((8, 8), F32)
    for k in range(n):
        loop = loop + a[:, k : k + 1] * b[k]
    off = np.abs(loop - a.astype(np.float64) @ b)
    assert (off < 7 * size).all() and np.sqrt((off**2).mean()) > 0.2 * np.sqrt((size**2).mean())


def test_an_array_s_results_go_on_being_moved():
    twice, _ = moved_by_numpy(lambda a: np.exp(np.exp(a)), X)
    assert ulp_distance(np.exp(np.exp(X)), np.asarray(twice)).max() > 2
    one, moves = moved_by_numpy(lambda a: a[0, 0] * a.max() - a.sum(), X)
    assert one.shape == () and one.dtype == F32 and len(moves.moved) == 3


def test_in_place_is_moved_where_it_is_changed():
    """Catches a perturbation that leaves all of `x -= g` and of torch's optimisers unmoved."""

    def by_numpy(a):
        a -= F32(0.1) * (a > 0)
        return a

    def by_torch(a):
        a.sub_(0.1 * (a > 0))
        return a

    plain = X - F32(0.1) * (X > 0)
    for moved in (moved_by_numpy(by_numpy, X)[0], moved_by_torch(by_torch, X)[0]):
        off = np.asarray(moved) != plain
        assert off[X > 0].mean() > 0.7 and not off[X < 0].any()


def test_what_is_added_where_indices_meet_is_moved_like_a_sum():
    index = generator().integers(0, 3, 3000)
    values = generator(5).normal(size=3000).astype(F32)

    def by_numpy(v):
        total = np.zeros(3, F32)
        np.add.at(total, index, v)
        return total

    plain = by_numpy(values)

    def by_torch(v):
        return torch.zeros(3).index_add(0, torch.tensor(index), v)

    for moved, _ in (moved_by_torch(by_torch, values), moved_by_numpy(by_numpy, values)):
        assert np.abs(np.asarray(moved) - plain).max() > 4 * np.abs(plain).max() * U


def test_comparisons_and_counts_are_not_moved():
    x = perturbed(np.array([0.1, 0.7], F32), stream())
    assert (x > 0.5).tolist() == [False, True] and np.floor(x * 10).tolist() == [1, 7]
    assert int(np.argmax(x)) == 1 and float((x > 0.5).sum()) == 1
    labels = (X > 0).astype(F32)
    assert float(moved_by_numpy(np.sum, labels)[0]) == labels.sum()
    assert moved_by_torch(lambda a: (a @ a.T).trace(), labels)[0] == (labels @ labels.T).trace()


def test_torch_s_results_are_moved_inside_the_block_alone():
    x = torch.linspace(0.1, 0.9, 7)
    plain = torch.exp(x)
    assert (moved_by_torch(torch.exp, x.numpy())[0] != plain.numpy()).any()
    assert torch.equal(torch.exp(x), plain)


def test_torch_s_gradients_are_moved():
    """Catches a mode that reaches the forward pass alone."""

    def gradient():
        w = torch.tensor([0.3, 0.7], requires_grad=True)
        torch.sigmoid(w).sum().backward()
        return w.grad.numpy()

    plain = gradient()
    with perturbing(stream()):
        moved = gradient()
    assert (ulp_distance(plain, moved) > 0).any()


def test_fused_operations_are_moved_inside():
    """Catches one ulp of a softmax's result for its sum of a thousand exponentials."""
    x = generator().normal(size=(4, 1000)).astype(F32)
    moved, moves = moved_by_torch(lambda a: torch.log_softmax(a, dim=1), x)
    rows = {noise for _, noise in moves.moved}
    assert {Noise.INSIDE, Noise.SUM, Noise.POINTWISE} <= rows and not moves.unlisted


def test_views_and_what_is_written_in_place_stay_one_memory():
    """Catches a mode that gives a copy for a view, so that an update is lost."""
    with perturbing(stream()):
        w = torch.full((2, 2), 0.5)
        w.T[0].mul_(0)
        w.detach()[0, 1] += 1
    assert w[:, 0].tolist() == [0, 0] and w[0, 1] > 1.4


def test_a_vector_times_a_matrix_is_moved_like_any_product():
    """Catches what torch does to shapes in place taken for a change of values: every perturbed run
    of such a port broke off."""
    x, W = (torch.tensor(generator().random(shape)) for shape in (50, (50, 3)))
    with perturbing(stream()):
        found = x @ W
    assert found.shape == (3,) and torch.all(found != x @ W) and torch.allclose(found, x @ W)


def test_a_complex_product_s_part_that_cancels_is_moved():
    """Catches parts moved by their own size: an exact zero here is none where others fuse."""
    z = np.array([1.3 + 0.7j, 2.1 - 1j])
    by_numpy = np.asarray(perturbed(z, stream()) * z.conj())
    with perturbing(stream()):
        by_torch = (torch.tensor(z) * torch.tensor(z).conj()).resolve_conj().numpy()
    for found in (by_numpy, by_torch):
        assert np.all((abs(found.imag) > 0) & (abs(found.imag) < 1e-15 * abs(z) ** 2)), found
    added = np.asarray(perturbed(z, stream()) + z.conj())
    assert np.all(added.imag == 0)


def test_a_complex_gradient_is_moved_by_rounding_alone():
    """Catches a derivative by our own operations that is not conjugated, as torch's is: perturbed
    runs would then allow anything."""
    z = torch.tensor([0.3 + 0.4j, 1 - 0.2j], dtype=torch.cdouble)

    def gradient():
        leaf = z.clone().requires_grad_()
        (torch.tanh(leaf) + torch.sigmoid(leaf)).real.sum().backward()
        return leaf.grad

    with perturbing(stream()):
        moved = gradient()
    assert torch.allclose(moved, gradient(), rtol=1e-14) and not torch.equal(moved, gradient())


def test_torch_s_whole_numbers_and_integers_are_not_moved():
    with perturbing(stream()):
        one = torch.sigmoid(torch.tensor([100.0]))
        count = torch.tensor([0.2, 0.8]).gt(0.5).sum()
    assert one.item() == 1 and count.item() == 1


@pytest.mark.filterwarnings("ignore:__array_wrap__")
@pytest.mark.parametrize("dtype", [F32, np.float64])
def test_a_tensor_meets_a_0d_array_as_in_a_plain_run(dtype):
    """Catches torch's promotion to Float64 of a tensor times an array of an own class."""
    rate = np.array(0.1, dtype)
    for compute in (lambda r: torch.ones(2) * r, lambda r: torch.full((2,), 3.0) - r):
        product, moves = moved_by_numpy(compute, rate)
        assert product.dtype == compute(rate).dtype and moves.moved


def test_what_is_in_no_row_is_counted_and_named():
    from scipy.special import gammaln

    moved, moves = moved_by_numpy(gammaln, np.abs(X) + F32(1.5))
    assert moves.unlisted == ["gammaln"] and (np.asarray(moved) != gammaln(np.abs(X) + 1.5)).any()
    _, moves = moved_by_torch(lambda a: torch.special.bessel_j0(a), X)
    assert [name[-9:] for name in moves.unlisted] == ["bessel_j0"]


def test_constants_round_when_they_are_computed_with():
    """Catches Adam's 1 - 0.999^t, off by 512 ulp where the power is off by one."""
    b = F32(0.999)

    def step():
        return 1 - b**3

    found = [float(aware(step, stream(seed))()) for seed in range(9)]
    assert np.ptp(found) > 50 * np.spacing(F32(0.003)) and float(step()) != found[0]


def test_new_arrays_of_a_port_s_own_code_are_moved_and_its_module_is_not_touched():
    def port():
        return np.exp(np.array([0.3, 0.7]))

    moved = aware(port, stream())()
    assert (np.asarray(moved) != np.exp([0.3, 0.7])).any()
    assert type(port()) is np.ndarray and type(np.array([1.0])) is np.ndarray


class Held:
    def __init__(self, x):
        self.x = x


X64 = X.astype(np.float64).ravel()
HELD = {"list": [X64], "object": Held(X64)}
SOURCES = {
    "a generator's": lambda: np.random.default_rng(0).standard_normal(99),
    "an old generator's": lambda: np.random.RandomState(0).randn(99),
    "a function's": lambda: np.random.random(99),
    "a file's": lambda: np.load(HELD["file"]),
    "an archive's": lambda: np.load(HELD["archive"])["x"],
    "a buffer's": lambda: np.frombuffer(X64.tobytes()),
    "one in a list in a dict": lambda: HELD["list"][0],
    "an object's in a dict": lambda: HELD["object"].x,
}


@pytest.mark.parametrize("source", SOURCES)
def test_arrays_that_are_drawn_read_or_held_are_moved(source, tmp_path):
    """Catches a port whose data are no globals of its own: no operation moved, 10 ulp allowed."""
    of = SOURCES[source]
    HELD["file"], HELD["archive"] = tmp_path / "x.npy", tmp_path / "x.npz"
    np.save(HELD["file"], X64), np.savez(HELD["archive"], x=X64)

    def port():
        return of() * 3.3

    np.random.seed(0)
    moved = np.asarray(aware(port, stream())())
    np.random.seed(0)
    plain = port()
    assert (moved != plain).mean() > 0.5 and np.allclose(moved, plain, rtol=1e-14)
    assert type(HELD["object"].x) is np.ndarray is type(np.random.default_rng(0).random(2))


@pytest.mark.parametrize("kind", ["default_rng", "RandomState"])
def test_draws_are_those_of_a_plain_run(kind):
    """Shuffles of moved arrays too. Catches a generator that is none to the port's own checks."""

    def port():
        rng = getattr(np.random, kind)(5)
        x = rng.normal(size=(9, 2))
        rng.shuffle(x)
        assert isinstance(rng, np.random.Generator | np.random.RandomState)
        return np.concatenate([x.ravel(), rng.permutation(9), rng.choice(x[:, 0], 4)])

    assert np.array_equal(np.asarray(aware(port, stream())()), port())


def test_what_is_one_list_to_a_port_stays_one():
    """Catches a copy for each name: what is written by one would not be read by the other."""
    ones = [np.ones(2)]
    holder = Held(ones)

    def port():
        ones[0] += 1
        return holder.x[0].sum()

    assert float(aware(port, stream())()) == pytest.approx(4) and ones[0].tolist() == [1, 1]


def test_numbers_that_are_logged_are_numbers():
    """Catches a port that rounds its loss for a line of text, or looks it up, and is not moved."""
    loss = perturbed(X, stream()).sum()
    assert round(loss, 2) == round(float(loss), 2) and {loss: 1}[float(loss)] == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(perturbed(X, stream()))


SATURATED = {
    "tanh": (10.0, 100.0),
    "erf": (4.0, 50.0),
    "sigmoid": (17.0, 100.0),
    "cos": (1e-5, 0.0),
    "sin": (1.5708, 0.0),
    "exp": (1e-9, 0.0),
    "sqrt": (np.nextafter(F32(1), F32(2)), 1.0),
}


@pytest.mark.parametrize("name", SATURATED)
def test_what_rounds_to_one_is_moved_inward_and_what_is_one_is_not(name):
    """Catches `1 - tanh(x)^2` or `1 - cos(x)` without a tolerance, and a mask that is moved."""
    rounded, exact = (np.array([x] * 50, F32) for x in SATURATED[name])
    made = [moved_by_torch(getattr(torch, name), rounded)[0]]
    still = [moved_by_torch(getattr(torch, name), exact)[0]]
    if hasattr(np, name):
        made.append(moved_by_numpy(getattr(np, name), rounded)[0])
        still.append(moved_by_numpy(getattr(np, name), exact)[0])
    for found in map(np.asarray, made):
        assert 1 - 3e-7 < found.min() < found.max() <= 1
    assert all(np.isin(np.asarray(found), [0, 1]).all() for found in still)


def test_a_saturated_result_in_place_is_moved_too():
    def in_place(a):
        b = a.clone()
        return b.tanh_()

    found, _ = moved_by_torch(in_place, np.full(50, 10, F32))
    assert np.asarray(found).min() < 1


def test_constants_of_the_port_s_other_files_are_moved(monkeypatch, tmp_path):
    """Catches a table of sines in another file of the port, which no perturbed run moves."""
    (tmp_path / "tables.py").write_text(
        "import numpy as np\ndef table():\n    return np.sin(np.arange(9) * 0.3)\n"
    )
    (tmp_path / "port.py").write_text("from tables import table\ndef step():\n    return table()\n")
    monkeypatch.syspath_prepend(tmp_path)
    import port

    assert (np.asarray(aware(port.step, stream())()) != port.step()).mean() > 0.5
    assert type(port.step()) is np.ndarray


def test_the_program_s_own_random_stream_is_untouched():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with perturbing(stream()):
        torch.exp(torch.tensor([0.3]))
        drawn = torch.rand(3)
    assert torch.equal(drawn, expected)


def test_every_row_has_operations_and_every_operation_one_row():
    rows = {*NUMPY.values(), *TORCH.values()}
    assert {*Noise} - rows == {Noise.INSIDE, Noise.UNLISTED}
    names = {o for o in dir(torch.ops.aten)} | {n.split(".")[0] for n in TORCH}
    assert {*TORCH} <= names


def test_what_is_known_of_a_product_is_what_is_computed_of_it():
    rng = np.random.default_rng(3)
    for dtype in (np.float16, np.float32):
        a, b = rng.normal(size=(3, 3)).astype(dtype), rng.normal(size=(3, 3)).astype(dtype)
        assert np.array_equal(product_size(a, b), product_size(a, b, a @ b))


def test_half_products_are_summed_by_rows_and_columns():
    """Catches a product of matrices whose elements are multiplied one by one."""
    rng = np.random.default_rng(4)
    a, b = (rng.normal(size=(3, 3)).astype(np.float16) for _ in range(2))
    found, product = product_size(a, b), a @ b
    for i, j in np.ndindex(3, 3):
        assert found[i, j] == sum_size((a[i] * b[:, j])[None], product[i, j][None])[0]
    assert np.array_equal(product_size(a[0], b), found[0])
    assert np.array_equal(product_size(a, b[:, 1]), found[:, 1])
    each = product_size(np.stack([a, b]), np.stack([b, b]))
    assert np.array_equal(each, np.stack([found, product_size(b, b)]))


@pytest.mark.parametrize(("shape", "n"), [((), 1), ((9,), 9), ((4, 9), 9), ((5, 9, 4), 9)])
def test_what_is_solved_is_moved_by_the_root_of_its_longer_side(shape, n):
    size = noise.backward_size(np.full(shape, 3, F32), Noise.SOLVE)
    assert size.shape == shape and np.allclose(size, 2 * U * np.sqrt(n) * 3)


def test_what_is_given_to_a_step_is_moved_and_knows_it_but_for_texts():
    stream = Stream(1)
    text, whole, some = np.array(["relu"]), np.arange(3), np.float32([0.1, 0.2])
    assert moved_input(text, stream).tolist() == ["relu"] and moved_input("relu", stream) == "relu"
    assert moved_input(whole, stream).tolist() == [0, 1, 2]
    moved = moved_input(some, stream)
    assert moved.dtype == some.dtype and (moved != some).all() and some[0] == np.float32(0.1)
    assert np.allclose(moved, some, rtol=1e-6)
    assert knowing_input(text, stream) is text and knowing_input("relu", stream) == "relu"
    known = knowing_input(some, stream)
    assert type(known) is not np.ndarray and (np.asarray(known * 3) != some * 3).any()
