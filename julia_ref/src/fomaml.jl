"""
    Fomaml(; meta_opt = Descent(0.01), inner_opt = Descent(0.02), n_tasks = 3,
             train_batch_size = 10)

First-order MAML (Finn, Abbeel and Levine, 2017). Per iteration, with θ the weights and for each
task i: one inner step, ``φ_i = θ - \\mathrm{inner}(∇L_i^{train}(θ))``; then one meta step on the
*sum* of the test gradients, ``θ ← θ - \\mathrm{meta}(\\sum_i ∇L_i^{test}(φ_i))``.

Both optimisers see the weights' own arrays, so their state lasts from step to step.
"""
struct Fomaml
    meta_opt::Optimiser
    inner_opt::Optimiser
    n_tasks::Int
    train_batch_size::Int
end

Fomaml(; meta_opt = Descent(0.01), inner_opt = Descent(0.02), n_tasks = 3, train_batch_size = 10) =
    Fomaml(meta_opt, inner_opt, n_tasks, train_batch_size)

optimisers(f::Fomaml) = ["meta_opt" => f.meta_opt, "inner_opt" => f.inner_opt]

function iterate!(f::Fomaml, model::Chain, draws::Draws, trace::MaybeTrace = nothing)
    weights, names = parameters(model), parameter_names(model)
    prev_weights = map(copy, weights)
    meta_grads = map(zero, weights)
    for i in 1:f.n_tasks
        at_task = within(trace, "task", i)
        grads = test_gradient!(f, model, draws, at_task)
        restore!(weights, prev_weights)
        foreach((total, g) -> total .+= g, meta_grads, grads)
        note_each!(at_task, "restore", names, weights)
        note_each!(at_task, "sum", names, meta_grads)
    end
    update_parameters!(f.meta_opt, weights, meta_grads)
    note_each!(within(trace, "meta"), "update", names, weights)
end

"Draw a task, take the inner step on it, and return the test gradient at the weights reached."
function test_gradient!(f::Fomaml, model, draws, trace)
    task = SineWave(draws)
    x = Float32.(uniform(draws, -5, 5, f.train_batch_size))
    y = task(x)
    note!(trace, task)
    note!(trace, "x", x)
    note!(trace, "y", y)
    fit!(model, x, y, f.inner_opt, within(trace, "inner"))

    testx = Float32.(wave_range())
    testy = task(testx)
    note!(trace, "testx", testx)
    note!(trace, "testy", testy)
    return gradient(model, testx', testy', within(trace, "outer"))
end
