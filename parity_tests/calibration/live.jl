# What models are made of, by Julia: called once, for all sizes and both widths.

using LinearAlgebra, Statistics

function softmax(x)
    e = exp.(x .- maximum(x, dims = 2))
    e ./ sum(e, dims = 2)
end

function looped(x)
    total = zeros(eltype(x), size(x, 1))
    for j in axes(x, 2), i in axes(x, 1)
        total[i] += x[i, j]
    end
    total
end

function adam(w::Vector{T}, a) where {T}
    m, v = zero(w), zero(w)
    for t in 1:12
        g = a .* w .^ 3 .- w
        m = T(0.9) .* m .+ (1 - T(0.9)) .* g
        v = T(0.999) .* v .+ (1 - T(0.999)) .* g .^ 2
        w = w .- T(0.01) .* (m ./ (1 - T(0.9)^t)) ./ (sqrt.(v ./ (1 - T(0.999)^t)) .+ T(1e-8))
    end
    w
end

function pendulum(q::Vector{T}) where {T}
    rate(u) = [u[2], -sin(u[1])]
    u = q[1:2]
    for _ in 1:30
        a = rate(u)
        b = rate(u + T(0.025) * a)
        c = rate(u + T(0.025) * b)
        d = rate(u + T(0.05) * c)
        u = u + T(0.05) / 6 * (a + 2b + 2c + d)
    end
    u
end

function all_of(x, w, a, A, b)
    m = size(A, 1)
    s = Symmetric(A)
    [
        "sum" => vec(sum(x, dims = 2)), "loop" => looped(x), "fold" => foldl(+, x[1, :]),
        "mean" => vec(mean(x, dims = 2)), "var" => vec(var(x, dims = 2)), "std" => std(x),
        "norm" => norm(x), "cumsum" => cumsum(x, dims = 2), "dot" => dot(x[1, :], x[2, :]),
        "product" => x * x', "quadratic" => x' * (x * w), "exp" => exp.(x), "log1p" => log1p.(abs.(x)),
        "expm1" => expm1.(x), "tanh" => tanh.(x), "power" => abs.(x) .^ eltype(x)(2.3),
        "softmax" => softmax(x), "normed" => (x .- mean(x, dims = 2)) ./ std(x, dims = 2, corrected = false),
        "sorted" => sort(w), "median" => median(w), "quantile" => quantile(w, [0.1, 0.25, 0.9]),
        "covariance" => cov(x'), "correlation" => cor(x'),
        "solve" => A \ b, "inverse" => inv(A), "logdet" => logdet(A), "cholesky" => Matrix(cholesky(s).L),
        "eigenvalues" => eigvals(s), "singular" => svdvals(x), "least" => x' \ w,
        "adam" => adam(w, a), "pendulum" => pendulum(w),
    ]
end

# Arrays come as x_SIZE_WIDTH and so on; their results go as NAME_SIZE_WIDTH.
function calibrate(; given...)
    names = [split(string(k), "_", limit = 2)[2] for k in keys(given) if startswith(string(k), "x_")]
    array(part, name) = given[Symbol(part, "_", name)]
    step = Pair{String,Any}[]
    for name in names
        found = all_of((array(part, name) for part in ("x", "w", "a", "A", "b"))...)
        append!(step, ["$(key)_$name" => value for (key, value) in found])
    end
    [step]
end
