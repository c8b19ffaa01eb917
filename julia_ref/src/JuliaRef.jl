"""
Meta-learning on sine waves with the arithmetic of Flux 0.7.3, on the standard library alone.

`transfer_learn`, `fomaml` and `reptile` train a small network; `eval_model` fine-tunes it on one
wave. Every operation is done in the order, the precision and by the library routine that
Flux 0.7.3 and its Tracker would use, so that on the same Julia with the same BLAS kernels the
results are equal bit for bit.

Every random number comes through `Draws`: from Julia's own generator, or from a tape.
`handle` answers requests made of names, numbers and arrays; `serve` does so over two pipes.
"""
module JuliaRef

using LinearAlgebra: adjoint, transpose, BLAS
using Random: Random, AbstractRNG, MersenneTwister, randperm, shuffle
using SHA: sha256
using Libdl

export Linear, Chain, parameters, flatten, unflatten!, sine_model
export mse, gradient
export apply!, update_parameters!
export Draws, Generator, Tape, Recorder, uniform, permutation
export SineWave, eval_model, transfer_learn, fomaml, reptile
export handle, serve

include("draws.jl")
include("trace.jl")
include("layers.jl")
include("gradient.jl")
include("optimise.jl")
include("sine.jl")
include("evaluate.jl")
include("transfer.jl")
include("fomaml.jl")
include("reptile.jl")
include("train.jl")
include("record.jl")
include("zoo.jl")
include("state.jl")
include("about.jl")
include("request.jl")
include("handle.jl")
include("frame.jl")
include("serve.jl")

end
