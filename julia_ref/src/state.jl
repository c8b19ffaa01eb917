# Where a generator stands, for Python's `repro.julia` to go on from.
#
#     include("state.jl")
#     generator_state()                     # of the default generator
#     generator_state(MersenneTwister(1))   # of another one
#
# The answer's arrays can be recorded as they are, and
# `MersenneTwister.from_state(state, julia=...)`, or `Xoshiro.from_state`, takes them; `TaskLocal` takes
# the state of a default generator from Julia 1.7 on. It needs nothing but the standard library.

using Random

"""
    generator_state(rng = Random.default_rng()) -> Dict{String, Any}

Everything that the stream depends on: for a `MersenneTwister` `seed`, `dsfmt`, `cache`, `position`, `ints`
and `idxI`, for a `Xoshiro` or a task's own generator `state`. See `state()` in Python for the meaning.
"""
generator_state() = generator_state(Random.default_rng())

function generator_state(rng::MersenneTwister)
    words = reinterpret(UInt64, rng.state.val[1:768])
    Dict{String,Any}(
        "seed" => seed_words(rng.seed),
        "dsfmt" => permutedims(reshape(collect(words), 2, 192)),
        "cache" => collect(reinterpret(UInt64, collect(rng.vals))),
        "position" => rng.idxF,
        "ints" => collect(reinterpret(UInt64, rng.ints)),
        "idxI" => rng.idxI,
    )
end

seed_words(seed::Vector{UInt32}) = copy(seed)
seed_words(_) = UInt32[]  # later Julias keep it in other forms; no draw depends on it

function generator_state(rng)
    Dict{String,Any}("state" => xoshiro_words(rng))
end

# A Xoshiro has its words as fields, the generator of a task has them in the task.
xoshiro_words(rng) = isempty(fieldnames(typeof(rng))) ?
    task_words(current_task()) : UInt64[getfield(rng, name) for name in fieldnames(typeof(rng))]

const TASK_WORDS = (:rngState0, :rngState1, :rngState2, :rngState3, :rngState4)
task_words(task) = UInt64[getfield(task, name) for name in TASK_WORDS if hasfield(Task, name)]
