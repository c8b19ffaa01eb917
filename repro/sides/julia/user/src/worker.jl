# julia worker.jl INPUT OUTPUT: call one function of a user's file and send what it yields.
#
# The frames are those of julia_ref/src/frame.jl, which REPRO_JULIA_REF says where to find. They go
# over descriptors of their own: the user's code may print whatever it likes.

module UserFunction

using LinearAlgebra: BLAS
using SHA: sha256
using Dates, Libdl, Random

include(joinpath(ENV["REPRO_JULIA_REF"], "src", "frame.jl"))
include(joinpath(ENV["REPRO_JULIA_REF"], "src", "about.jl"))
include("values.jl")
include(joinpath(ENV["REPRO_JULIA_REF"], "Record.jl"))

about() = ["status" => "ok"; about_julia()]

function answer(request)
    get(request, "op", "") == "about" && return about()
    outside = length(backtrace())
    try
        found = ["status" => "ok"; named_arrays(call(request))]
        allunique(first.(found)) || error(twice(first.(found)))
        return haskey(request, "given") ? found : [found; "texts" => texts(request)]
    catch problem
        cause, trace = root(problem, catch_backtrace()[1:end-outside])
        shown = sprint(showerror, cause, trace)
        return ["status" => "error", "message" => sprint(showerror, cause), "backtrace" => shown]
    end
end

function twice(keys)
    step, name = split(first(k for k in keys if count(==(k), keys) > 1), ":", limit = 2)
    return "step $step has two arrays called $name: yield one of them, or name them apart"
end

"The files that decide what it gives, a line for each: SHA-256 and path."
function texts(request)
    home, folder = loaded(request), dirname(realpath(request["file"]))
    found = Record.texts(home.watched, folder, environment = home.mod === Main)
    return join(("$digest $path" for (path, digest) in found), "\n")
end

"Where a file was included, once: in `Main`, or in a module of its own where others share `Main`."
const HOMES = Dict{String,Any}()

function loaded(request)
    key = get(request, "home", "")
    haskey(HOMES, key) && return HOMES[key]
    watched, mod = Record.watch(), isempty(key) ? Main : fresh()
    Base.include(mod, request["file"])
    return HOMES[key] = (mod = mod, watched = watched)
end

function fresh()
    mod = Module(:User)
    Core.eval(mod, :(eval(x) = Core.eval($mod, x)))
    Core.eval(mod, :(include(path) = Base.include($mod, path)))
    return mod
end

"How a value that the function notes reaches whoever asked, and comes back."
const TELL = Ref{Any}((name, value) -> value)

function note(name, value)
    found = TELL[](string(name), value)
    return value isa AbstractArray ? copyto!(similar(value), found) : convert(typeof(value), found)
end

takes_note(f) = any(m -> :note in Base.kwarg_decl(m), methods(f))

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

"""
Call `function` of `file` with a step's named arrays `given1:NAME`, …, if there are any, the
request's arguments `1`, `2`, … and keywords `:NAME`.
"""
function call(request)
    home = loaded(request).mod
    Random.seed!(0)  # the default generator starts somewhere known, on every version
    name = Symbol(request["function"])
    isdefined(home, name) || error("$(request["file"]) defines no $name")
    arguments = [request[string(i)] for i in 1:request["arguments"]]
    keywords = Any[Symbol(key[2:end]) => value for (key, value) in request if startswith(key, ":")]
    given = [named("given$i:", request) for i in 1:get(request, "given", 0)]
    f = getfield(home, name)
    isempty(given) || !takes_note(f) || push!(keywords, :note => note)
    return Base.invokelatest(f, given..., arguments...; keywords...)
end

function named(prefix, request)
    found = [Symbol(key[ncodeunits(prefix)+1:end]) => value
             for (key, value) in request if startswith(key, prefix)]
    return NamedTuple{Tuple(first.(found))}(Tuple(last.(found)))
end

"`STEP:NAME => array` for every array of every step, and what `shared` names."
named_arrays(steps) = Base.invokelatest(collect_arrays, steps)

function collect_arrays(steps)
    items = Pair{String,Any}[]
    one_step = steps isa NamedTuple || steps isa AbstractDict || steps isa AbstractVector{<:Pair}
    count = 0
    for step in (one_step ? (steps,) : steps)
        for (name, value) in names_and_values(step, count)
            leaves(string(name), value, count) do path, leaf
                push!(items, "$count:$path" => plain(leaf, path, count))
            end
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

function serve(input, output)
    number = 0  # of the request
    TELL[] = function (name, value)
        write_frame(output, ["request" => number, "status" => "ok", "note" => name, "value" => plain(value, name, "it")])
        return read_frame(input)["value"]
    end
    write_frame(output, about())
    while (request = read_frame(input)) !== nothing
        number = pop!(request, "request", 0)
        found = ["request" => number; answer(request)]
        foreach(flush, (stdout, stderr))  # to a file they are buffered
        write_frame(output, found)
    end
end

end

abspath(PROGRAM_FILE) == @__FILE__() && UserFunction.serve(fdio(parse(Int, ARGS[1])), fdio(parse(Int, ARGS[2]), true))
