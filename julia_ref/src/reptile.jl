"""
    Reptile(; meta_opt = Descent(0.1), inner_opt = Descent(0.02), train_batch_size = 10)

Reptile (Nichol, Achiam and Schulman, 2018). Per iteration: inner steps over a random partition of
the 50 test points of one task lead from ``θ`` to ``φ``; then ``θ ← θ + \\mathrm{meta}(φ - θ)``,
an optimiser's step on the difference.

The meta optimiser is given a fresh copy of θ every time, so a stateful one starts anew in every
iteration. The inner optimiser sees the weights' own arrays and keeps its state.
"""
struct Reptile
    meta_opt::Optimiser
    inner_opt::Optimiser
    train_batch_size::Int
end

Reptile(; meta_opt = Descent(0.1), inner_opt = Descent(0.02), train_batch_size = 10) =
    Reptile(meta_opt, inner_opt, train_batch_size)

optimisers(f::Reptile) = ["meta_opt" => f.meta_opt, "inner_opt" => f.inner_opt]

function iterate!(f::Reptile, model::Chain, draws::Draws, trace::MaybeTrace = nothing)
    weights, names = parameters(model), parameter_names(model)
    prev_weights = map(copy, weights)
    adapt!(f, model, draws, within(trace, "task", 1))

    trace = within(trace, "meta")
    differences = map((w, w0) -> w - w0, weights, prev_weights)
    note_each!(trace, "difference", names, differences)
    steps = map((w0, d) -> apply!(f.meta_opt, w0, d), prev_weights, differences)
    note_each!(trace, "step", names, steps)
    foreach((w, w0, step) -> w .= w0 .+ step, weights, prev_weights, steps)
    note_each!(trace, "update", names, weights)
    forget!(f.meta_opt)
end

"Draw a task and visit its 50 points once, in random order, a batch per step."
function adapt!(f::Reptile, model, draws, trace)
    task = SineWave(draws)
    x = Float32.(wave_range())
    y = task(x)
    order = permutation(draws, length(x))
    note!(trace, task)
    note!(trace, "x", x)
    note!(trace, "y", y)
    note!(trace, "permutation", order)
    for (k, part) in enumerate(Iterators.partition(order, f.train_batch_size))
        at_step = within(trace, "inner", k)
        note!(at_step, "x", x[part])
        note!(at_step, "y", y[part])
        fit!(model, x[part], y[part], f.inner_opt, at_step)
    end
end
