# What Julia's Base and standard libraries give for the rows of base_rows.py: `KEY numbers...`.
using LinearAlgebra, Random, Statistics

say(key, values...) = println(key, " ", join((v isa Bool ? Int(v) : v isa Integer ? v : Float64(v)
                                              for v in Iterators.flatten(values)), " "))

x = [mod(37i, 101) / 10 - 5 for i in 1:100]     # -4.9 to 5, in no order
k = [mod(37i, 101) - 50 for i in 1:100]
long = Float32[mod(37i, 101) / 10 for i in 1:10_000]
ten(f) = (f(x[1:10]), f(x))

say("std", ten(std))
say("median", ten(median))
say("quantile", ten(v -> quantile(v, 0.3)))
say("round", round.(x ./ 2))
say("round-digits", round.((2 .* k .+ 1) ./ 200, digits = 2))
say("rem", rem.(k, 7))
say("div", div.(k, 7))
say("range", range(0, 1, length = 101))
say("step-range", 0:0.1:10)
say("sum", sum(long[1:10]), sum(long))
say("half-sum", sum(Float16.(abs.(x[1:10]))), sum(Float16.(abs.(x))))
say("cumsum", cumsum(long))
say("exp", exp.(x))
say("cube", x .^ 3)
say("literal", (0.1f0 * v for v in x))
say("sort-zeros", signbit.(sort([0.0, -0.0, 0.0, -0.0])))
say("ties", sortperm(mod.(k, 3)))
say("norm", norm([1.0 2; 3 4], 2))
say("eigenvalues", eigvals([3.0 1 0; 0 1 1; 0 0 2]))
say("eigenvectors", vec(eigen(Symmetric([1 / (i + j) for i in 1:6, j in 1:6])).vectors))
say("overflow", typemax(Int64) + 1)
say("isapprox", 1 ≈ 1 + 1e-6)
say("reshape", vec(permutedims(reshape(1:6, 2, 3))))
say("max-nan", isnan(max(1.0, NaN)))
say("domain", try sqrt(-1.0); false catch; true end)
say("search", searchsortedfirst.(Ref(1:10), [1, 5, 11]))
say("random", rand(MersenneTwister(1), 100))
say("permutation", randperm(MersenneTwister(1), 100))
