# julia worker.jl INPUT OUTPUT: call one function of a user's file and send what it yields.
#
# The frames are those of julia_ref/src/frame.jl, which REPRO_JULIA_REF says where to find. They go
# over descriptors of their own: the user's code may print whatever it likes.

module UserFunction

using LinearAlgebra: BLAS
using SHA: sha256
using Libdl, Random

include(joinpath(ENV["REPRO_JULIA_REF"], "src", "frame.jl"))
include(joinpath(ENV["REPRO_JULIA_REF"], "src", "about.jl"))
include(joinpath(ENV["REPRO_JULIA_REF"], "Record.jl"))

about() = ["status" => "ok"; about_julia()]

function answer(request)
    try
        watched = Record.watch()
        return ["status" => "ok"; named_arrays(call(request)); "texts" => texts(watched, request)]
    catch problem
        cause, trace = root(problem, catch_backtrace())
        shown = sprint(showerror, cause, trace)
        return ["status" => "error", "message" => sprint(showerror, cause), "backtrace" => shown]
    end
end

"The files that decide what it gives, a line for each: SHA-256 and path."
function texts(watched, request)
    folder = dirname(realpath(request["file"]))
    return join(("$digest $path" for (path, digest) in Record.texts(watched, folder)), "\n")
end

"What failed inside a task, a `Channel`'s for instance, and where; the problem itself elsewhere."
function root(problem, trace)
    isdefined(Base, :TaskFailedException) && problem isa Base.TaskFailedException ||
        return problem, trace
    task = problem.task
    hasfield(Task, :backtrace) && task.backtrace !== nothing &&
        return root(task.exception, task.backtrace)
    stack = isdefined(Base, :current_exceptions) ? Base.current_exceptions(task) :
        Base.catch_stack(task)
    cause, inside = last(collect(stack))
    return root(cause, inside)
end

"Call `function` of `file` with the request's arguments `1`, `2`, … and keywords `:NAME`."
function call(request)
    Base.include(Main, request["file"])
    Random.seed!(0)  # the default generator starts somewhere known, on every version
    name = Symbol(request["function"])
    isdefined(Main, name) || error("$(request["file"]) defines no $name")
    arguments = [request[string(i)] for i in 1:request["arguments"]]
    keywords = [Symbol(key[2:end]) => value for (key, value) in request if startswith(key, ":")]
    return Base.invokelatest(getfield(Main, name), arguments...; keywords...)
end

"`STEP:NAME => array` for every array of every step, and what `shared` names."
named_arrays(steps) = Base.invokelatest(collect_arrays, steps)

function collect_arrays(steps)
    items = Pair{String,Any}[]
    one_step = steps isa NamedTuple || steps isa AbstractDict || steps isa AbstractVector{<:Pair}
    count = 0
    for step in (one_step ? (steps,) : steps)
        for (name, value) in names_and_values(step, count)
            push!(items, "$count:$name" => plain(value, name, count))
        end
        count += 1
    end
    names = steps isa AbstractVector && !one_step ? shared(steps) : String[]
    return push!(items, "steps" => count, "shared" => join(names, "\n"))
end

names_and_values(step::NamedTuple, count) = pairs(step)
names_and_values(step::AbstractVector{<:Pair}, count) = step
names_and_values(step::Tuple{Pair,Vararg{Pair}}, count) = step
names_and_values(step, count) = error(
    "step $count is a $(typeof(step)), which has no order of names: yield a named tuple, " *
    "(z = z, loss = loss), or a vector of pairs, [\"z\" => z, \"loss\" => loss]")

# Copies: the iteration goes on, and may change its arrays.
plain(value::AbstractArray{T}, name, count) where {T} = copy_of(value, wire(T, name, count))
plain(value::T, name, count) where {T} = convert(wire(T, name, count), value)

copy_of(value, ::Type{T}) where {T} = copyto!(Array{T}(undef, size(value)), value)

function wire(T, name, count)
    haskey(CODES, T) && return T
    T <: Integer && return Int64
    error("$name in step $count has values of type $T: yield Float32, Float64, integers or Bools")
end

"Names whose array is one object in consecutive steps: changed in place, all steps would change."
function shared(steps)
    found = String[]
    for (a, b) in zip(steps, Iterators.drop(steps, 1))
        later = Dict(Symbol(name) => value for (name, value) in names_and_values(b, 0))
        for (name, value) in names_and_values(a, 0)
            same = value isa Array && get(later, Symbol(name), nothing) === value
            same && !(string(name) in found) && push!(found, string(name))
        end
    end
    return found
end

function serve(input, output)
    write_frame(output, about())
    while (request = read_frame(input)) !== nothing
        write_frame(output, answer(request))
    end
end

end

UserFunction.serve(fdio(parse(Int, ARGS[1])), fdio(parse(Int, ARGS[2]), true))
