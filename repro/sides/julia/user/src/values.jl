# What a value is made of: one rule, kept here and by repro/run/values.py alike.
#
# * Numbers, and arrays, lists and tuples of numbers alone, are one array under their name, in their
#   own type: Bool, integer, floating or complex, of 64 bits a part at most. BFloat16 arrives as the
#   Float32 that it is. Sparse and structured matrices, ranges, views and transposes become dense.
# * Texts, Symbols, dates (ISO 8601) and integers beyond 64 bits are texts, equal or not.
# * What has named parts (structs, named tuples, dataclasses, dicts, a state_dict()) is
#   `NAME.PART`; other lists, tuples and arrays are `NAME.1`, `NAME.2`, ..., counted from 1.
# * Nothing (None) is not there. Functions, types and empty structs among parts are left out.
# * What else there is, is refused by name and step.

const DEEPEST = 32  # parts within parts: beyond it something holds itself
const TEXT = Union{AbstractString,AbstractChar,Symbol,Dates.TimeType}

"Call `take(name, leaf)` for the arrays, numbers and texts that a value is made of, as they are."
function leaves(@nospecialize(take), name::String, @nospecialize(value), step::Int, depth::Int = 0)
    value === nothing && return
    depth > DEEPEST && error("$name in step $step has parts within parts without end: yield arrays")
    inner = parts(value)
    inner === nothing && return take(name, value)
    inner === missing && refuse(typeof(value), name, step)
    for (key, part) in inner
        left_out(part) || leaves(take, "$name.$key", part, step, depth + 1)
    end
end

left_out(@nospecialize(part)) = part isa Type || part !== nothing && part !== missing &&
    isstruct(typeof(part)) && fieldcount(typeof(part)) == 0
isstruct(@nospecialize(T)) = !isprimitivetype(T) && !(T <: Union{Number,TEXT,Tuple,AbstractArray,AbstractDict})

"By name or position; `nothing` where it is one array, number or text; `missing` where it is refused."
parts(::Union{Number,TEXT}) = nothing
parts(x::NamedTuple) = pairs(x)
parts(x::AbstractDict) = x isa Union{Dict,IdDict} ? sort!(collect(Any, x), by = string ∘ first) : x
parts(x::Union{AbstractVector{<:Pair},Tuple{Pair,Vararg{Pair}}}) = x
parts(x::Tuple) = alike(x) ? nothing : enumerate(x)
parts(x::AbstractArray) = alike(x) ? nothing :
    [join(Tuple(i), ".") => part for (i, part) in zip(CartesianIndices(size(x)), x)]
parts(::Union{Missing,AbstractRNG,IO,Task,AbstractChannel,AbstractSet,Module,Ptr,Type}) = missing
parts(x::T) where {T} = isstruct(T) && fieldcount(T) > 0 ?
    Any[name => getfield(x, name) for name in fieldnames(T) if isdefined(x, name)] : missing

alike(x::AbstractArray{<:Union{Number,TEXT}}) = eltype(x) <: Number || eltype(x) <: TEXT || mixed(x)
alike(x) = mixed(x)
mixed(x) = all(part -> part isa Number, x) || all(part -> part isa TEXT, x)

"A leaf as what travels: a copy, for the iteration goes on and may change its arrays."
plain(value::T, name, step) where {T<:Number} =
    is_wide(T) ? first(whole([value])) : convert(wire(T, name, step), value)
plain(value::TEXT, name, step) = string(value)
plain(value::Tuple, name, step) = plain(Any[value...], name, step)
function plain(values::AbstractArray, name, step)
    T = isconcretetype(eltype(values)) ? eltype(values) :
        mapreduce(typeof, promote_type, values, init = Union{})
    T === Union{} && return zeros(size(values))  # an untyped list of nothing yet
    T <: Number || return copy_of(string.(values), String)
    return is_wide(T) ? whole(values) : copy_of(values, wire(T, name, step))
end

is_wide(T) = T <: Integer && (!isbitstype(T) || sizeof(T) > 8)

copy_of(values, ::Type{T}) where {T} = copyto!(Array{T}(undef, size(values)), values)

"Integers of any width as Int64, else UInt64, else as texts."
function whole(values)
    all(v -> typemin(Int64) <= v <= typemax(Int64), values) && return copy_of(values, Int64)
    all(v -> 0 <= v <= typemax(UInt64), values) && return copy_of(values, UInt64)
    return copy_of(string.(values), String)
end

"The type in which a number travels."
wire(T, name, step) = haskey(CODES, T) ? T :
    T <: Integer ? Int64 :
    T <: Complex{<:Integer} ? ComplexF64 :
    T === Complex{Float16} ? ComplexF32 :
    T <: AbstractFloat && nameof(T) === :BFloat16 ? Float32 : refuse(T, name, step)

refuse(T, name, step) = error("$name in step $step is of type $T: yield $(instead(T)), or leave it out")
instead(::Type) = "numbers, arrays or texts made of it"
instead(::Type{Missing}) = "coalesce.(x, NaN)"
instead(::Type{<:Real}) = "Float64.(x)"
instead(::Type{<:Complex}) = "ComplexF64.(x)"
instead(::Type{<:AbstractRNG}) = "what it draws"
instead(::Type{<:AbstractSet}) = "sort(collect(x))"

"Names whose numbers lie in one place in consecutive steps: changed in place, all would change."
function shared(steps)
    found = String[]
    before = Dict{String,Any}()
    for step in steps
        here = Dict{String,Any}()
        for (name, value) in names_and_values(step, 0)
            leaves((path, leaf) -> here[path] = place(leaf), string(name), value, 0)
        end
        for name in keys(here)
            same = here[name] !== () && get(before, name, nothing) == here[name]
            same && !(name in found) && push!(found, name)
        end
        before = here
    end
    return sort!(found)
end

place(leaf::AbstractArray) = isbits(leaf) ? () : Base.dataids(leaf)
place(leaf) = ()
