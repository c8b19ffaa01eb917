# For test_either_way.py: momentum on a logistic loss as a reference and as one step, and what can
# be wrong with it: `fault` names a line that is computed otherwise.

using Random

sigmoid(z) = 1 / (1 + exp(-z))

function step(state, draws; note = (name, value) -> value, fault = "", eta = 0.2f0, noting = true)
    noting || (note = (name, value) -> value)
    W, b, v = state.W, state.b, state.v
    x, y = draws.x, draws.y
    z = W * x .+ (fault == "bias" ? 0 : 1) .* b
    fault == "order" && (z = W * reverse(x, dims = 2) .+ b)
    p = note("p", fault == "tanh" ? (tanh.(z) .+ 1) ./ 2 : sigmoid.(z))
    d = (fault == "sign" ? y .- p : p .- y) ./ Float32(fault == "size" ? 16 : length(y))
    dW = fault == "transposed" ? reverse(d * x', dims = 2) : d * x'
    db = vec(sum(d, dims = 2))
    v = (fault == "momentum" ? 0.899f0 : 0.9f0) .* v .+ eta .* dW
    W = fault == "ascent" ? W .+ v : W .- v
    b = fault == "rate" ? b .- 1.001f0 .* eta .* db : b .- eta .* db
    return (z = z, p = p, d = d, dW = dW, db = db, v = v, W = W, b = b)
end

function train(seed; steps = 6)
    rng = MersenneTwister(seed)
    state = (W = randn(rng, Float32, 1, 3), b = zeros(Float32, 1), v = zeros(Float32, 1, 3))
    Channel() do told
        put!(told, state)
        for i in 1:steps
            x = randn(rng, Float32, 3, i % 3 == 0 ? 5 : 16)
            y = Float32.(x[1:1, :] .> 0.3f0)
            made = step(state, (x = x, y = y))
            put!(told, merge((x = x, y = y), made))
            state = (W = made.W, b = made.b, v = made.v)
        end
    end
end

fails(state, draws) = error("no gradient for a sum")

"A loss whose rounding arises inside: one minus nearly one."
function cancels(state, draws; note = (name, value) -> value, noting = false)
    s = noting ? note("s", draws.x .^ 2 .+ 1f0) : draws.x .^ 2 .+ 1f0
    return (s = s, w = (s .- 1f0) .* 1f3)
end
