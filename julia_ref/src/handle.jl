# What can be asked. Both ways to this package, the worker process and an embedded Julia, call
# `handle`, and nothing else.

"""
    handle(request)

Answer one request. `request` is anything that iterates `name => value` (a dictionary); values are
strings, integers, floats, Bools and arrays. The answer is a vector of `name => value` in order.

`op` says what is asked; the rest depends on it:

- `"about"`: versions and numeric settings of this Julia.
- `"run"`: a whole training run. See `answer_run`.
- `"trace"`: one iteration with all its intermediate values. See `answer_trace`.
- `"evaluate"`: one `eval_model`. See `answer_evaluate`.
- `"zoo_script"`: the model zoo's script. See `answer_zoo_script`.
- `"draws"`: numbers straight from a generator. See `answer_draws`.

Every answer that drew numbers says in `draws` where they came from. A request that lacks a name,
or has one that is of no use, is an `ArgumentError`.
"""
function handle(request)
    r = Request(request)
    op = String(take_value!(r, "op"))
    haskey(OPERATIONS, op) || throw(ArgumentError(
        "no operation is called $op: use " * join(sort(collect(keys(OPERATIONS))), ", ")))
    return OPERATIONS[op](r)
end

function answer_about(r::Request)
    check_all_read(r)
    return about_julia()
end

"""
`function`, the algorithm's options, `epochs`, `eval_batch_size`, `eval_interval`, `seed` or a
tape; optional `weights` to start from (drawn otherwise), `weight_epochs` to keep weights at (the
last by default), `keep_draws`, `keep_state`.

Answers, with n evaluations, k weight epochs and m of them evaluated: `init_weights` (4353,),
`weight_epochs` (k,), `weights` (k, 4353), `eval_epochs` (n,), `test_losses` (n, 33), `eval_testx`
(n, 50), `eval_x` and `eval_y` (n, eval_batch_size), `prediction_epochs` (m,),
`initial_predictions` and `final_predictions` (m, 50), `next_rand` (1,) unless the tape is at its end.

With `keep_draws`: `uniforms`, `permutations`, and `draw_ends` (epochs + 1, 2), how many of each
had been drawn after iteration i (row 0: after the network). With `keep_state`: the optimisers'
state at each weight epoch as `state.EPOCH.OPTIMISER.PARAMETER.PART`.
"""
function answer_run(r::Request)
    f = take_algorithm!(r)
    epochs = take_count!(r, "epochs", 30_000, least = 0)
    eval_batch_size = take_count!(r, "eval_batch_size", 10)
    eval_interval = take_count!(r, "eval_interval", 1000)
    weight_epochs = Vector{Int}(take_value!(r, "weight_epochs", [epochs]))
    keep_draws, keep_state = take_value!(r, "keep_draws", false), take_value!(r, "keep_state", false)
    draws = Recorder(take_draws!(r))
    model = take_model!(r, draws)
    check_all_read(r)
    all(e -> 0 <= e <= epochs, weight_epochs) && issorted(weight_epochs, lt = <=) ||
        throw(ArgumentError("weight_epochs must increase and lie between 0 and $epochs"))

    record = Record(f, model, Set(weight_epochs), keep_state)
    init_weights = flatten(model)
    counts() = [length(draws.uniforms), length(draws.permutations)]
    draw_ends = [counts()]
    0 in record.wanted && keep_weights!(record, 0)
    train!(f, model, draws; epochs = epochs, eval_batch_size = eval_batch_size,
           eval_interval = eval_interval) do i, evaluation
        keep!(record, i, evaluation)
        keep_draws ? push!(draw_ends, counts()) : empty_draws!(draws)
    end

    answer = Pair{String,Any}["draws" => origin(draws), "init_weights" => init_weights]
    append!(answer, named(record, eval_batch_size))
    keep_draws && push!(answer, "uniforms" => copy(draws.uniforms),
                        "permutations" => copy(draws.permutations),
                        "draw_ends" => stack_rows(Int, draw_ends))
    next = next_unit!(draws)
    next === nothing || push!(answer, "next_rand" => [next])
    return answer
end

"""
`function`, the algorithm's options, `eval_batch_size`, `eval_interval`, `iteration` (1 by
default), and one of: `seed` or a whole tape, to draw a network, train it up to that iteration and
trace it; `weights` (with `state.OPTIMISER.PARAMETER.PART` for optimisers that have state) and
`seed` or a tape, to take that one iteration from there with these draws.

Answers `draws`, `start_weights`, `end_weights`, `start_state.*`, `end_state.*`, the iteration's
own `uniforms` and `permutations` (a tape for repeating it), and `trace.*`, the intermediate
values in the order of their computation under the names that src/trace.jl lists.
"""
function answer_trace(r::Request)
    f = take_algorithm!(r)
    iteration = take_count!(r, "iteration", 1)
    eval_batch_size = take_count!(r, "eval_batch_size", 10)
    eval_interval = take_count!(r, "eval_interval", 1000)
    source = take_draws!(r)
    given = haskey(r, "weights")
    model = take_model!(r, source)
    state = take_all!(r, "state.")
    check_all_read(r)

    foreach(((key, opt),) -> load_state!(opt, key, model, state), optimisers(f))
    given || train!((i, evaluation) -> nothing, f, model, source; epochs = iteration - 1,
                    eval_batch_size = eval_batch_size, eval_interval = eval_interval)
    draws, trace = Recorder(source), Trace("trace.", Pair{String,Any}[])
    answer = Pair{String,Any}["draws" => origin(draws), "start_weights" => flatten(model)]
    append!(answer, all_state(f, model, "start_state."))
    advance!(f, model, draws, iteration, eval_batch_size, eval_interval, trace)
    push!(answer, "end_weights" => flatten(model))
    append!(answer, all_state(f, model, "end_state."))
    push!(answer, "uniforms" => draws.uniforms, "permutations" => draws.permutations)
    return append!(answer, trace.items)
end

all_state(f::Algorithm, model, prefix) = Pair{String,Any}[
    pair for (key, opt) in optimisers(f) for pair in named_state(opt, prefix * key, model)]

"""
`amplitude`, `phase_shift`, `opt` (`Descent(0.02)` by default), `updates` (32), `testx`
(`"range"`, `"linrange"`, `"range32"` or numbers), `seed` or a tape; `weights` and `x` (numbers, in
their own precision) are drawn, in this order, where they are not given: `x` as `batch_size` (10)
points in [`low`, `high`] (-5, 5).

Answers `weights` and the evaluation's arrays.
"""
function answer_evaluate(r::Request)
    drawn = !(haskey(r, "weights") && haskey(r, "x"))
    draws = drawn ? take_draws!(r) : Tape(Float64[])
    model = take_model!(r, draws)
    x = haskey(r, "x") ? vec(collect(take_value!(r, "x"))) :
        uniform(draws, take_value!(r, "low", -5), take_value!(r, "high", 5), take_count!(r, "batch_size", 10))
    testx = test_points(take_value!(r, "testx", "range"))
    task = SineWave(take_value!(r, "amplitude"), take_value!(r, "phase_shift"))
    opt = take_optimiser!(r, "opt")
    updates = take_count!(r, "updates", 32, least = 0)
    check_all_read(r)
    evaluation = eval_model(model, x, testx, task; updates = updates,
                            opt = opt === nothing ? Descent(0.02) : opt)
    answer = Pair{String,Any}["draws" => drawn ? origin(draws) : "none", "weights" => flatten(model)]
    return append!(answer, named(evaluation, ""))
end

test_points(values::AbstractArray) = vec(collect(values))
function test_points(kind::AbstractString)
    kind == "range" && return wave_range()
    kind == "range32" && return Float32.(wave_range())
    kind == "linrange" && return LinRange(-5, 5, 50)
    throw(ArgumentError("testx is \"range\", \"range32\", \"linrange\" or numbers, not \"$kind\""))
end

"`seed` or a tape, `epochs` (50,000), `eval_interval` (1000). Answers what `zoo_script` returns."
function answer_zoo_script(r::Request)
    epochs = take_count!(r, "epochs", 50_000, least = 0)
    eval_interval = take_count!(r, "eval_interval", 1000)
    first = take_draws!(r)
    second = first isa Tape ? first : take_generator!(r)
    check_all_read(r)
    results = zoo_script(first, second; epochs = epochs, eval_interval = eval_interval)
    return append!(Pair{String,Any}["draws" => origin(first)], results)
end

"""
`kind`, `seed`, `n` (a number, or several for calls one after the other), `skip` (draws of
`rand()` before the first), `generator`: `default`, `MersenneTwister` or `Xoshiro`.

Answers `draws` and `values`, the calls' results end to end. `rand` and `rand32` are n scalar
draws, `rand_array` and `rand32_array` one array of n, `randperm` and `shuffle` one of 1:n.
"""
function answer_draws(r::Request)
    kind = String(take_value!(r, "kind"))
    haskey(KINDS_OF_DRAWS, kind) || throw(ArgumentError(
        "no kind of draws is called $kind: use " * join(sort(collect(keys(KINDS_OF_DRAWS))), ", ")))
    sizes = Int.(vcat(take_value!(r, "n")))
    skip = take_count!(r, "skip", 0, least = 0)
    generator = take_generator!(r)
    check_all_read(r)
    foreach(_ -> rand(generator.rng), 1:skip)
    values = reduce(vcat, [KINDS_OF_DRAWS[kind](generator.rng, n) for n in sizes])
    return Pair{String,Any}["draws" => origin(generator), "values" => values]
end

const KINDS_OF_DRAWS = Dict{String,Function}(
    "rand" => (rng, n) -> Float64[rand(rng) for _ in 1:n],
    "rand32" => (rng, n) -> Float32[rand(rng, Float32) for _ in 1:n],
    "rand_array" => (rng, n) -> rand(rng, n),
    "rand32_array" => (rng, n) -> rand(rng, Float32, n),
    "randperm" => (rng, n) -> randperm(rng, n),
    "shuffle" => (rng, n) -> shuffle(rng, collect(1:n)),
)

const OPERATIONS = Dict{String,Function}(
    "about" => answer_about,
    "run" => answer_run,
    "trace" => answer_trace,
    "evaluate" => answer_evaluate,
    "zoo_script" => answer_zoo_script,
    "draws" => answer_draws,
)
