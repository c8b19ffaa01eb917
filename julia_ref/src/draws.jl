# Where the random numbers come from. The algorithms ask for two things only: a Float64 uniform in
# [0, 1) and a permutation of 1:n. So a run can be repeated on a Julia with another generator by
# handing over the numbers themselves.

"""
A source of random numbers: `unit!(draws)` gives the next Float64 in [0, 1) and
`permutation(draws, n)` a permutation of `1:n`.
"""
abstract type Draws end

"Draws from a generator of Julia's."
struct Generator{R<:AbstractRNG} <: Draws
    rng::R
    origin::String
end

"""
    Generator(seed; kind = "default")

The generator that `Random.seed!(seed)` would set up: `MersenneTwister` before Julia 1.7,
`Xoshiro` from then on. `kind` may also name one of the two. The stream of a generator belongs to
the Julia version: 1.11, for instance, seeds `MersenneTwister` in another way.
"""
function Generator(seed::Union{Integer,Vector{UInt32}}; kind::AbstractString = "default")
    name = kind == "default" ? (VERSION < v"1.7-" ? "MersenneTwister" : "Xoshiro") : kind
    name in ("MersenneTwister", "Xoshiro") ||
        throw(ArgumentError("no generator is called $kind: use default, MersenneTwister or Xoshiro"))
    isdefined(Random, Symbol(name)) ||
        throw(ArgumentError("Julia $VERSION has no generator $name: use MersenneTwister"))
    rng = getfield(Random, Symbol(name))(seed)
    return Generator(rng, "$name($seed) of Julia $VERSION")
end

unit!(g::Generator) = rand(g.rng)
permutation(g::Generator, n::Integer) = randperm(g.rng, n)
origin(g::Generator) = g.origin

"""
    Tape(uniforms, permutations = Int[])

Draws handed over as numbers: Float64 uniforms in [0, 1) and permutations one after the other,
each kind in the order in which it will be asked for.
"""
mutable struct Tape <: Draws
    uniforms::Vector{Float64}
    permutations::Vector{Int}
    next_uniform::Int
    next_permutation::Int
end

Tape(uniforms, permutations = Int[]) = Tape(uniforms, permutations, 1, 1)

function unit!(t::Tape)
    left(t) > 0 || error(
        "the tape holds $(length(t.uniforms)) uniforms and one more was asked for: hand over more")
    value = t.uniforms[t.next_uniform]
    0 <= value < 1 || throw(DomainError(value, "uniform $(t.next_uniform) of the tape is not in [0, 1)"))
    t.next_uniform += 1
    return value
end

function permutation(t::Tape, n::Integer)
    last = t.next_permutation + n - 1
    last <= length(t.permutations) || error(
        "the tape holds $(length(t.permutations)) permuted indices and $last were asked for: hand over more")
    order = t.permutations[t.next_permutation:last]
    isperm(order) || throw(ArgumentError(
        "indices $(t.next_permutation) to $last of the tape are no permutation of 1:$n"))
    t.next_permutation = last + 1
    return order
end

left(t::Tape) = length(t.uniforms) - t.next_uniform + 1
origin(t::Tape) = "a tape of $(length(t.uniforms)) uniforms and $(length(t.permutations)) permuted indices"

"Draws from another source and keeps what it gave, so that it can serve as a tape."
struct Recorder{D<:Draws} <: Draws
    source::D
    uniforms::Vector{Float64}
    permutations::Vector{Int}
end

Recorder(source::Draws) = Recorder(source, Float64[], Int[])

unit!(r::Recorder) = (push!(r.uniforms, unit!(r.source)); r.uniforms[end])

function permutation(r::Recorder, n::Integer)
    order = permutation(r.source, n)
    append!(r.permutations, order)
    return order
end

origin(r::Recorder) = origin(r.source)

"""
    uniform(draws, a, b)
    uniform(draws, a, b, dims...)

Uniform in [a, b]: `a + (b - a) * u` in Float64. An array is filled by one such draw per element,
in column-major order.
"""
uniform(draws::Draws, a, b) = Float64(a) + (Float64(b) - Float64(a)) * unit!(draws)

function uniform(draws::Draws, a, b, dims::Integer...)
    values = Array{Float64}(undef, dims...)
    for i in eachindex(values)
        values[i] = uniform(draws, a, b)
    end
    return values
end

"The uniform that would come next, drawn; `nothing` where a tape is at its end."
function next_unit!(draws::Draws)
    source = draws isa Recorder ? draws.source : draws
    return source isa Tape && left(source) == 0 ? nothing : unit!(source)
end

"Forget what was recorded so far."
empty_draws!(r::Recorder) = (empty!(r.uniforms); empty!(r.permutations); nothing)
