# What `julia_ref` makes of the recorded gradients: `julia optimisers.jl JULIAREF.jl OPTIMISER...`.
# Every further argument is an optimiser and its numbers. For each of the two types and each
# optimiser, x and the gradients are read as raw numbers, and the steps and x are written.
include(ARGS[1])
using .JuliaRef

for T in (Float32, Float64), request in ARGS[2:end]
    name, numbers = split(request, "(")
    opt = JuliaRef.optimiser(name, parse.(Float64, split(strip(numbers, ')'), ",")))
    x = read!(stdin, Vector{T}(undef, 12))
    for g in eachcol(read!(stdin, Matrix{T}(undef, 12, 100)))
        step = apply!(opt, x, copy(g))
        x .-= step
        write(stdout, step)
    end
    write(stdout, x)
end
