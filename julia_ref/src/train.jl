const Algorithm = Union{TransferLearn,Fomaml,Reptile}

in_precision(::Algorithm, x) = Float32.(x)
evaluation_optimiser(::Algorithm) = Descent(0.02)

"""
    evaluate(algorithm, model, draws, batch_size, trace = nothing)

The evaluation inside training, on a random task: its points are drawn first, then the task. It
has its own optimiser, whatever the training's is.
"""
function evaluate(f::Algorithm, model, draws, batch_size, trace::MaybeTrace = nothing)
    x = in_precision(f, uniform(draws, -5, 5, batch_size))
    testx = in_precision(f, wave_range())
    task = SineWave(draws)
    return eval_model(model, x, testx, task; opt = evaluation_optimiser(f), trace = trace)
end

"""
    train!(observe, algorithm, model, draws; epochs, eval_batch_size, eval_interval)

Train in place. `observe(i, evaluation)` is called at the end of every iteration, with `nothing`
where no evaluation was due.
"""
function train!(
    observe, f::Algorithm, model::Chain, draws::Draws;
    epochs = 30_000, eval_batch_size = 10, eval_interval = 1000,
)
    for i in 1:epochs
        observe(i, advance!(f, model, draws, i, eval_batch_size, eval_interval))
    end
end

"""
    advance!(algorithm, model, draws, i, eval_batch_size, eval_interval, trace = nothing)

Iteration `i`, and the evaluation that may be due in it, which is returned.
"""
function advance!(f::Algorithm, model, draws, i, eval_batch_size, eval_interval,
                  trace::MaybeTrace = nothing)
    iterate!(f, model, draws, trace)
    i % eval_interval == 0 || return nothing
    return evaluate(f, model, draws, eval_batch_size, within(trace, "eval"))
end

"Train with an algorithm's options and the loop's, and return the evaluations."
function train(algorithm, model, draws; epochs = 30_000, eval_batch_size = 10,
               eval_interval = 1000, options...)
    evaluations = Evaluation[]
    keep(i, evaluation) = evaluation === nothing || push!(evaluations, evaluation)
    train!(keep, algorithm(; options...), model, draws; epochs = epochs,
           eval_batch_size = eval_batch_size, eval_interval = eval_interval)
    return evaluations
end

"""
    transfer_learn(model, draws; opt = Descent(0.01), epochs = 30_000, train_batch_size = 50,
                   eval_batch_size = 10, eval_interval = 1000, variant = "package")

Train `model` in place (see `TransferLearn`) and return the evaluations.
"""
transfer_learn(model, draws; options...) = train(TransferLearn, model, draws; options...)

"""
    fomaml(model, draws; meta_opt = Descent(0.01), inner_opt = Descent(0.02), epochs = 30_000,
           n_tasks = 3, train_batch_size = 10, eval_batch_size = 10, eval_interval = 1000)

Train `model` in place (see `Fomaml`) and return the evaluations.
"""
fomaml(model, draws; options...) = train(Fomaml, model, draws; options...)

"""
    reptile(model, draws; meta_opt = Descent(0.1), inner_opt = Descent(0.02), epochs = 30_000,
            train_batch_size = 10, eval_batch_size = 10, eval_interval = 1000)

Train `model` in place (see `Reptile`) and return the evaluations.
"""
reptile(model, draws; options...) = train(Reptile, model, draws; options...)
