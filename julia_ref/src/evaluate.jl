"""
What one evaluation saw: the points `x`, `y` fine-tuned on, `testx`, `testy`, the predictions on
`testx` before and after, and the `updates + 1` losses on it, always Float32.
"""
struct Evaluation
    task::SineWave
    x::AbstractVector
    y::Vector
    testx::AbstractVector
    testy::Vector
    initial_predictions::Vector
    final_predictions::Vector
    test_losses::Vector{Float32}
end

"""
    eval_model(model, x, testx, task; opt = Descent(0.02), updates = 32)

Fine-tune on `(x, task(x))` for some updates, with the loss on `testx` before and after each; then
put the weights back.
"""
function eval_model(
    model::Chain, x, testx, task::SineWave;
    opt::Optimiser = Descent(0.02), updates::Integer = 32, trace::MaybeTrace = nothing,
)
    weights = parameters(model)
    prev_weights = map(copy, weights)
    y, testy = task(x), task(testx)
    note!(trace, "x", x)
    note!(trace, task)
    note!(trace, "testx", testx)
    note!(trace, "y", y)
    note!(trace, "testy", testy)

    initial, loss = test_loss(model, testx, testy, within(trace, "test", 0))
    losses, final = Float32[loss], initial
    for k in 1:updates
        fit!(model, x, y, opt, within(trace, "fit", k))
        final, loss = test_loss(model, testx, testy, within(trace, "test", k))
        push!(losses, loss)
    end

    restore!(weights, prev_weights)
    note_each!(trace, "restore", parameter_names(model), weights)
    return Evaluation(task, x, y, testx, testy, initial, final, losses)
end

function test_loss(model, testx, testy, trace)
    predictions = forward(model, testx', trace)[end]
    loss = mse(predictions, testy')
    note!(trace, "loss", loss)
    return vec(predictions), loss
end

"One step on `(x, y)`: gradient, then the optimiser's update."
function fit!(model::Chain, x, y, opt::Optimiser, trace::MaybeTrace = nothing)
    weights = parameters(model)
    update_parameters!(opt, weights, gradient(model, x', y', trace))
    note_each!(trace, "update", parameter_names(model), weights)
end

"Write saved numbers back into the weights' own arrays."
function restore!(weights, saved)
    for (w, s) in zip(weights, saved)
        w .= s
    end
end
