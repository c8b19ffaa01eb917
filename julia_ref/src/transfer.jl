"""
    TransferLearn(; opt, train_batch_size = 50, variant = "package")

One update per iteration, on a fresh task and a fresh batch.

`variant = "package"` rounds the points to Float32, steps with `Descent(0.01)` and evaluates with
`Descent(0.02)`. `variant = "post"` keeps points and test points in Float64, steps with
`Descent(0.02)` and evaluates with `Descent(0.01)`.
"""
struct TransferLearn
    opt::Optimiser
    train_batch_size::Int
    variant::String
end

function TransferLearn(; variant = "package", opt = nothing, train_batch_size = 50)
    variant in ("package", "post") ||
        throw(ArgumentError("variant is \"package\" or \"post\", not \"$variant\""))
    default = Descent(variant == "post" ? 0.02 : 0.01)
    return TransferLearn(opt === nothing ? default : opt, train_batch_size, variant)
end

optimisers(f::TransferLearn) = ["opt" => f.opt]
in_precision(f::TransferLearn, x) = f.variant == "post" ? x : Float32.(x)
evaluation_optimiser(f::TransferLearn) = Descent(f.variant == "post" ? 0.01 : 0.02)

function iterate!(f::TransferLearn, model::Chain, draws::Draws, trace::MaybeTrace = nothing)
    trace = within(trace, "task", 1)
    task = SineWave(draws)
    x = in_precision(f, uniform(draws, -5, 5, f.train_batch_size))
    y = task(x)
    note!(trace, task)
    note!(trace, "x", x)
    note!(trace, "y", y)
    fit!(model, x, y, f.opt, within(trace, "train"))
end
