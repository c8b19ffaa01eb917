"""
    Record

Recordings for the Python package julia-parity, made where no Python is. One file to copy; it needs
Julia's standard library alone:

    include("Record.jl")
    Record.record("train.npz", "model.jl", "train", 1; epochs = 5)    # calls train(1; epochs = 5)
    Record.save("train.npz", steps)                                   # of steps that are there

`repro.check("train.npz", port)`, `repro check train.npz port.py:step` and, where the file lies as
the fixture `parity` would have put it, `recorded=True` take it.

The file is a plain `.npz`: an array `STEP:NAME` for each name of each step, in the order of
computation, `provenance` (JSON) and `sha256`, both as UTF-8 bytes. The last is over the others,
sorted by name, each as "NAME DTYPE SHAPE\\n" in NumPy's words, a number being of shape (1,), and
its bytes in C order.
"""
module Record

using Random
using SHA: sha256, SHA256_CTX, update!, digest!

"""
    record(path, file, function, arguments...; keywords...)

Include `file`, seed the default generator with 0, call its function and write the steps it gives.
The recording knows the text of the file and of what it includes, function and arguments.
"""
function record(path, file, name, arguments...; keywords...)
    file = abspath(file)
    isfile(file) || error("$file is not there: check the path")
    watched = watch()
    Base.include(Main, file)
    Random.seed!(0)  # the default generator starts somewhere known, on every version
    isdefined(Main, Symbol(name)) || error("$file defines no $name: check the name")
    steps = Base.invokelatest(getfield(Main, Symbol(name)), arguments...; keywords...)
    arrays = Base.invokelatest(collect_arrays, steps)
    asked = (; :function => string(name), :arguments => map(described, arguments),
             :keywords => Dict(string(k) => described(v) for (k, v) in keywords),
             :julia => string(VERSION), :project => project(dirname(realpath(file))))
    made = (source = "$(basename(file)): $name", sha256 = bytes2hex(open(sha256, file)),
            asked = asked, texts = Dict(texts(watched, dirname(realpath(file)))),
            julia = string(VERSION), recorder = "Record.jl")
    return write_npz(path, arrays, made)
end

"    save(path, steps): write steps, named tuples or vectors of pairs, that were computed before."
save(path, steps) = write_npz(path, Base.invokelatest(collect_arrays, steps),
                              (source = "Record.save", julia = string(VERSION)))

# What decides what a function gives, besides its arguments.

"A list to which every file that is included from now on is added, and the packages there are."
function watch()
    watched = (files = String[], before = Set(keys(Base.loaded_modules)))
    push!(Base.include_callbacks, (mod, path) -> push!(watched.files, path))
    return watched
end

"`path => SHA-256`, or `absent`, of what was included, of the active environment and of packages
developed in place. Whatever lies in a depot is left out: the Manifest says which it is."
function texts(watched, folder; environment = true)
    found = [watched.files; environment ? environment_files() : String[]; developed(watched.before)]
    ours = sort(unique(filter(!in_depot, map(real, found))))
    return [relpath(f, folder) => isfile(f) ? bytes2hex(open(sha256, f)) : "absent" for f in ours]
end

real(path) = ispath(path) ? realpath(path) : abspath(path)

in_depot(path) = any(d -> startswith(path, joinpath(real(d), "")), [DEPOT_PATH; Sys.STDLIB])

function environment_files()
    active = Base.active_project()
    active === nothing && return String[]
    return [active, joinpath(dirname(active), "Manifest.toml")]
end

"The active environment's folder seen from `folder`; `nothing` where it is the user's default."
function project(folder)
    active = Base.active_project()
    active === nothing || in_depot(real(active)) ? nothing :
        relpath(dirname(real(active)), folder)
end

function developed(before)
    files = String[]
    for (id, mod) in Base.loaded_modules
        path = id in before ? nothing : pathof(mod)
        (path === nothing || !isfile(path) || in_depot(real(path))) && continue
        for (root, _, names) in walkdir(dirname(path))
            append!(files, joinpath(root, n) for n in names if endswith(n, ".jl"))
        end
    end
    return files
end

"An argument as the recording knows it, alike in both languages."
described(x::Union{Bool,Int64,Float64,AbstractString,Nothing}) = x
described(x::Real) =  # beyond 2^53 several integers are one Float64
    (lowercase(string(typeof(x))), x isa Integer && Float64(x) != x ? string(x) : Float64(x))
described(x::AbstractArray{<:Real}) =
    (lowercase(string(eltype(x))), size(x), bytes2hex(sha256(c_order(x))))
described(x::Union{Tuple,AbstractVector}) = map(described, x)
described(x) = string(x)

# Steps as arrays.

function collect_arrays(steps)
    arrays = Pair{String,Any}[]
    one_step = steps isa NamedTuple || steps isa AbstractVector{<:Pair}
    for (count, step) in enumerate(one_step ? (steps,) : steps), (name, value) in named(step, count)
        push!(arrays, "$(count - 1):$name" => plain(value, name, count - 1))  # copies
    end
    return arrays
end

named(step::NamedTuple, count) = pairs(step)
named(step::AbstractVector{<:Pair}, count) = step
named(step, count) = error(
    "step $(count - 1) is a $(typeof(step)), which has no order of names: yield a named tuple, " *
    "(z = z, loss = loss), or a vector of pairs, [\"z\" => z, \"loss\" => loss]")

plain(x::Union{Bool,Float32,Float64}, name, step) = fill(x)
plain(x::Integer, name, step) = fill(Int64(x))
plain(x::AbstractArray{<:Union{Bool,Float32,Float64}}, name, step) =
    copyto!(Array{eltype(x)}(undef, size(x)), x)
plain(x::AbstractArray{<:Integer}, name, step) = Array{Int64}(x)
plain(x, name, step) = error(
    "$name in step $step is a $(typeof(x)): yield Float32, Float64, integers or Bools")

# NumPy's files.

const DTYPES = Dict(Float32 => "<f4", Float64 => "<f8", Int64 => "<i8", UInt8 => "|u1",
                    Bool => "|b1")

c_order(x::AbstractArray) =
    reinterpret(UInt8, vec(ndims(x) > 1 ? permutedims(x, ndims(x):-1:1) : collect(x)))

shape_text(x) = ndims(x) == 1 ? "($(length(x)),)" : "(" * join(size(x), ", ") * ")"

function npy(x)
    head = "{'descr': '$(DTYPES[eltype(x)])', 'fortran_order': False, 'shape': $(shape_text(x)), }"
    head *= " "^(63 - (10 + length(head)) % 64) * "\n"
    return [b"\x93NUMPY\x01\x00"; little(UInt16(length(head))); codeunits(head); c_order(x)]
end

function write_npz(path, arrays, made)
    isempty(arrays) && error("there are no steps: nothing is recorded")
    length(arrays) < 65_000 || error(
        "$(length(arrays)) arrays are more than an .npz of this kind holds: yield fewer steps")
    arrays = [arrays; "provenance" => collect(codeunits(json(made)))]
    allunique(first.(arrays)) || error("two arrays of one step have one name: name them apart")
    sum = SHA256_CTX()
    for (name, x) in sort(arrays, by = first)
        shape = ndims(x) == 0 ? "(1,)" : shape_text(x)
        update!(sum, collect(codeunits("$name $(DTYPES[eltype(x)]) $shape\n")))
        update!(sum, collect(c_order(x)))
    end
    push!(arrays, "sha256" => collect(codeunits(bytes2hex(digest!(sum)))))
    temporary = path * ".part"
    open(io -> write_zip(io, ["$name.npy" => npy(x) for (name, x) in arrays]), temporary, "w")
    mv(temporary, path, force = true)
    return path
end

"A zip file of stored entries, after PKWARE's APPNOTE.TXT, 4.3."
function write_zip(io, entries)
    directory = UInt8[]
    for (name, data) in entries
        position(io) + length(data) < typemax(UInt32) || error(
            "the recording is larger than 4 GiB: yield fewer steps, or fewer names")
        size = little(UInt32(length(data)))
        # Version 2.0, UTF-8 names, stored, 1 January 1980.
        common = [little(0x0014); little(0x0800); little(0x0000); little(0x0000); little(0x0021);
                  little(crc32(data)); size; size; little(UInt16(sizeof(name))); little(0x0000)]
        append!(directory, [b"PK\x01\x02"; little(0x0014); common; zeros(UInt8, 10);
                            little(UInt32(position(io))); codeunits(name)])
        write(io, b"PK\x03\x04", common, name, data)
    end
    count, start = little(UInt16(length(entries))), little(UInt32(position(io)))
    write(io, directory, b"PK\x05\x06", zeros(UInt8, 4), count, count,
          little(UInt32(length(directory))), start, zeros(UInt8, 2))
end

little(x) = collect(reinterpret(UInt8, [htol(x)]))

const CRC_TABLE = map(UInt32(0):UInt32(255)) do c
    for _ in 1:8
        c = isodd(c) ? (c >> 1) ⊻ 0xedb88320 : c >> 1
    end
    c
end

crc32(data) = ~foldl((c, b) -> (c >> 8) ⊻ CRC_TABLE[(c ⊻ b) & 0xff + 1], data, init = 0xffffffff)

json(x::AbstractString) = "\"" * escape(x) * "\""
json(x::Union{Bool,Integer}) = string(x)
json(x::AbstractFloat) = isfinite(x) ? string(x) : json(string(x))
json(::Nothing) = "null"
json(x::Union{Tuple,AbstractVector}) = "[" * join(map(json, x), ", ") * "]"
json(x::Union{NamedTuple,AbstractDict}) =
    "{" * join(("$(json(string(k))): $(json(v))" for (k, v) in pairs(x)), ", ") * "}"

escape(x) = join(c in ('"', '\\') ? "\\$c" : c < ' ' ? "\\u00" * string(Int(c), base = 16, pad = 2) : c
                 for c in x)

end
