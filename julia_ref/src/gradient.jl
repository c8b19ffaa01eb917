"""
    mse(ŷ, y)

``\\sum_i (ŷ_i - y_i)^2 · (1/n)``: a product with the reciprocal, which is rounded to the
precision of the sum, not a division by `n`.
"""
function mse(ŷ, y)
    squares = (ŷ .- y) .^ 2
    return sum(squares) * reciprocal(squares)
end

reciprocal(values) = 1 // length(values)

"""
    gradient(model, x, y, trace = nothing)

The gradient of `mse(model(x), y)` in each parameter, as fresh Float32 arrays in the order of
`parameters(model)`. `x` and `y` are rows, one column per point; when they are Float64 everything
is Float64 up to the gradient, which is rounded when it is stored.

With ``c = 1/n``, ``h_l`` the outputs (``h_0 = x``) and ``δ_l`` the gradient before the bias:

``Δ_L = c (2 (h_L - y))``,
``δ_l = Δ_l ⊙ σ'(h_l)``,
``∂W_l = δ_l h_{l-1}^T``, ``∂b_l = \\sum_{points} δ_l``,
``Δ_{l-1} = W_l^T δ_l``.

Throws where the loss is infinite or NaN.
"""
function gradient(model::Chain, x, y, trace::MaybeTrace = nothing)
    outputs = forward(model, x, trace)
    loss = mse(outputs[end], y)
    note!(trace, "loss", loss)
    check_finite(loss)
    grads = backward(model, outputs, ∇mse(outputs[end], y, loss))
    note_each!(trace, "grad", parameter_names(model), grads)
    return grads
end

function check_finite(loss)
    isfinite(loss) || throw(DomainError(loss, "the loss is not finite, and is not differentiated"))
end

function ∇mse(ŷ, y, loss)
    c = zero(loss) + reciprocal(ŷ)
    return c .* (2 .* (ŷ .- y))
end

function backward(model::Chain, outputs, Δ)
    grads = Array{Float32}[zero(p) for p in parameters(model)]
    for l in length(model.layers):-1:1
        layer = model.layers[l]
        δ = Δ .* slope.(layer.σ, outputs[l+1])
        # For the first layer transpose(x) is a plain vector: the product is matrix times vector.
        grads[2l-1] .+= δ * transpose(outputs[l])
        grads[2l] .+= sum_points(δ, layer.b)
        l > 1 && (Δ = transpose(layer.W) * δ)
    end
    return grads
end

"Derivative of an activation, from its value `h`."
slope(::typeof(tanh), h) = 1 - h^2
slope(::typeof(identity), h) = one(h)

"""
The gradient of a bias. A bias of length 1 is summed over both dimensions, as an array, and so in
another order than the row sums of the others.
"""
function sum_points(δ, b)
    length(δ) == length(b) && return reshape(δ, length(b))
    return vec(sum(δ, dims = length(b) == 1 ? (1, 2) : 2))
end
