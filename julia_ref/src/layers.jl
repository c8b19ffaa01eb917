"""
    Linear(W, b, σ = identity)

A dense layer, ``h = σ.(W x .+ b)``: `x` has features along rows and points along columns.
"""
struct Linear{F}
    W::Matrix{Float32}
    b::Vector{Float32}
    σ::F
end

Linear(W, b) = Linear(W, b, identity)

"""
    Linear(draws, n_in, n_out, σ = identity)

Draws `W` column by column, then `b`, all uniform in ``±1/\\sqrt{n_{in}}``: drawn in Float64,
rounded to Float32.
"""
function Linear(draws::Draws, n_in::Integer, n_out::Integer, σ = identity)
    bound_W, bound_b = sqrt(1 / n_in), 1 / sqrt(n_in)
    W = Float32.(uniform(draws, -bound_W, bound_W, n_out, n_in))
    b = Float32.(uniform(draws, -bound_b, bound_b, n_out))
    return Linear(W, b, σ)
end

"Layers, applied from the first to the last."
struct Chain{T<:Tuple}
    layers::T
end

Chain(layers...) = Chain(layers)

"""
    sine_model(draws)

The network of the experiments: 1-64-64-1, tanh in between, 4353 parameters.
"""
sine_model(draws::Draws) =
    Chain(Linear(draws, 1, 64, tanh), Linear(draws, 64, 64, tanh), Linear(draws, 64, 1))

(model::Chain)(x) = last(forward(model, x))

"""
    forward(model, x, trace = nothing)

The layers' outputs, `x` itself first. The product is rounded before the bias is added.
"""
function forward(model::Chain, x, trace::MaybeTrace = nothing)
    outputs = Any[x]
    for (l, layer) in enumerate(model.layers)
        pre = layer.W * outputs[end] .+ layer.b
        push!(outputs, layer.σ.(pre))
        note_layer!(trace, l, pre, outputs[end])
    end
    return outputs
end

"The parameter arrays themselves, `W` then `b`, layer by layer."
parameters(model::Chain) = Array{Float32}[p for layer in model.layers for p in (layer.W, layer.b)]

"Their names: `layers.0.weight`, `layers.0.bias`, ..."
parameter_names(model::Chain) =
    ["layers.$(l - 1).$part" for l in 1:length(model.layers) for part in ("weight", "bias")]

"All parameters as one vector, each `W` column by column."
flatten(model::Chain) = reduce(vcat, map(vec, parameters(model)))

"Load a vector made by `flatten`."
function unflatten!(model::Chain, values::AbstractVector)
    weights = parameters(model)
    total = sum(length, weights)
    length(values) == total ||
        throw(DimensionMismatch("the model has $total weights, not $(length(values))"))
    start = 1
    for w in weights
        copyto!(w, 1, values, start, length(w))
        start += length(w)
    end
    return model
end
