using Test

include(joinpath(@__DIR__, "..", "src", "JuliaRef.jl"))
using .JuliaRef

# Small, so that the arithmetic is seen and not the size.
small_model(seed = 1) = (d = Generator(seed); Chain(Linear(d, 1, 3, tanh), Linear(d, 3, 1)))
request(pairs...) = Dict{String,Any}(pairs...)
ask(pairs...) = Dict{String,Any}(handle(request(pairs...)))
bits(a, b) = eltype(a) == eltype(b) && size(a) == size(b) && all(a .=== b)

@testset "JuliaRef" begin
    include("draws.jl")
    include("gradient.jl")
    include("optimise.jl")
    include("training.jl")
    include("messages.jl")
end
