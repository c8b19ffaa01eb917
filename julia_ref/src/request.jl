# A request is names with values. Reading one marks what was read, so that a misspelt or useless
# name is an error and not ignored.

struct Request
    values::Dict{String,Any}
    unread::Set{String}
end

function Request(pairs)
    values = Dict{String,Any}(String(name) => value for (name, value) in pairs)
    return Request(values, Set(keys(values)))
end

Base.haskey(r::Request, name::String) = haskey(r.values, name)

"The value of `name`, or `default`."
function take_value!(r::Request, name::String, default)
    delete!(r.unread, name)
    return get(r.values, name, default)
end

"The value of `name`, which has to be there."
function take_value!(r::Request, name::String)
    haskey(r, name) || throw(ArgumentError("the request lacks \"$name\""))
    return take_value!(r, name, nothing)
end

"All values whose names begin with `prefix`, under the rest of their names."
function take_all!(r::Request, prefix::String)
    names = filter(name -> startswith(name, prefix), collect(keys(r.values)))
    return Dict{String,Any}(SubString(name, ncodeunits(prefix) + 1) => take_value!(r, name) for name in names)
end

function check_all_read(r::Request)
    isempty(r.unread) || throw(ArgumentError(
        "this request does not take " * join(sort(collect(r.unread)), ", ")))
end

"A count of at least `least`."
function take_count!(r::Request, name, default; least = 1)
    value = take_value!(r, name, default)
    value isa Integer && value >= least ||
        throw(ArgumentError("$name must be an integer of at least $least, not $value"))
    return Int(value)
end

"""
An optimiser: `NAME` is its name and `NAME.numbers` its numbers, under the optimiser's key.
`nothing` where the request has none.
"""
function take_optimiser!(r::Request, key)
    haskey(r, key) || return nothing
    kind = String(take_value!(r, key))
    numbers = Vector{Float64}(vec(collect(take_value!(r, "$key.numbers"))))
    return optimiser(kind, numbers)
end

"""
Draws from the tape `uniforms`, `permutations`, or from the `generator` (the default one of this
Julia) seeded with `seed`: an integer, or the decimal digits of one that needs more than 64 bits.
"""
function take_draws!(r::Request)
    if haskey(r, "uniforms")
        haskey(r, "seed") && throw(ArgumentError("give a seed or a tape, not both"))
        uniforms = Vector{Float64}(take_value!(r, "uniforms"))
        return Tape(uniforms, Vector{Int}(take_value!(r, "permutations", Int[])))
    end
    return take_generator!(r)
end

take_generator!(r::Request) =
    Generator(take_seed!(r); kind = String(take_value!(r, "generator", "default")))

function take_seed!(r::Request)
    seed = take_value!(r, "seed")
    return seed isa AbstractString ? parse(BigInt, seed) : Integer(seed)
end

"""
The algorithm `function`, with the options that the request gives. `transfer_learn_blog` is
`transfer_learn` in the post's variant.
"""
function take_algorithm!(r::Request)
    name = String(take_value!(r, "function"))
    name == "fomaml" && return Fomaml(;
        options!(r, ("meta_opt", "inner_opt"), ("n_tasks", "train_batch_size"))...)
    name == "reptile" && return Reptile(;
        options!(r, ("meta_opt", "inner_opt"), ("train_batch_size",))...)
    name in ("transfer_learn", "transfer_learn_blog") || throw(ArgumentError(
        "no function is called $name: use transfer_learn, transfer_learn_blog, fomaml or reptile"))
    variant = name == "transfer_learn" ? "package" : "post"
    return TransferLearn(; variant = String(take_value!(r, "variant", variant)),
                         options!(r, ("opt",), ("train_batch_size",))...)
end

function options!(r::Request, optimisers, counts)
    options = Pair{Symbol,Any}[]
    for key in optimisers
        haskey(r, key) && push!(options, Symbol(key) => take_optimiser!(r, key))
    end
    for key in counts
        haskey(r, key) && push!(options, Symbol(key) => take_count!(r, key, 0))
    end
    return options
end

"The network: loaded from `weights` where the request has them, drawn otherwise."
function take_model!(r::Request, draws::Draws)
    haskey(r, "weights") || return sine_model(draws)
    return unflatten!(sine_model(Generator(0)), Vector{Float32}(take_value!(r, "weights")))
end
