# A trace keeps the intermediate values of one iteration under names, in the order in which they
# were computed. `nothing` stands for "no trace" and costs nothing.
#
# Names are dotted paths; `train`, `inner`, `inner1` ... and `outer` are gradient computations:
#
#   transfer_learn  task1.amplitude .phase_shift .x .y, task1.train.*
#   fomaml          task<i>.amplitude .phase_shift .x .y, task<i>.inner.*,
#                   task<i>.testx .testy, task<i>.outer.*, task<i>.restore.<p>, task<i>.sum.<p>;
#                   meta.update.<p>
#   reptile         task1.amplitude .phase_shift .x .y .permutation, task1.inner<k>.x .y,
#                   task1.inner<k>.*; meta.difference.<p>, meta.step.<p>, meta.update.<p>
#   evaluation      eval.x .amplitude .phase_shift .testx .y .testy, eval.test<k>.layers.* .loss,
#                   eval.fit<k>.*, eval.restore.<p>
#
# where <p> is a parameter, layers.0.weight, layers.0.bias, ..., and * is, in this order,
#   layers.<l>.pre   W * x .+ b     (features x points)
#   layers.<l>.out   σ.(pre)
#   loss
#   grad.<p>         the gradient, in Float32
#   update.<p>       the parameter after the optimiser's step
# Tasks, steps and evaluations' fits count from 1, layers and `eval.test` from 0.

"Named values in the order of their computation; `prefix` goes before every name."
struct Trace
    prefix::String
    items::Vector{Pair{String,Any}}
end

Trace() = Trace("", Pair{String,Any}[])

const MaybeTrace = Union{Trace,Nothing}

"Store a copy of `value` under `name`."
note!(::Nothing, name, value) = nothing
note!(t::Trace, name, value) = (push!(t.items, t.prefix * name => snapshot(value)); nothing)

snapshot(value::AbstractArray) = Array(value)
snapshot(value) = value

"The same trace, with `parts` and a dot added to the prefix."
within(::Nothing, parts...) = nothing
within(t::Trace, parts...) = Trace(string(t.prefix, parts..., "."), t.items)

"Store one array per parameter under the parameters' names."
note_each!(::Nothing, kind, names, arrays) = nothing
function note_each!(t::Trace, kind, names, arrays)
    for (name, array) in zip(names, arrays)
        note!(t, "$kind.$name", array)
    end
end

# Its own function, so that no name is put together when there is no trace.
note_layer!(::Nothing, l, pre, out) = nothing
function note_layer!(t::Trace, l, pre, out)
    note!(t, "layers.$(l - 1).pre", pre)
    note!(t, "layers.$(l - 1).out", out)
end
