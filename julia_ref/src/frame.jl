# One message on a pipe, the same in both directions and in repro/sides/frame.py. All numbers
# are little-endian.
#
#   magic     8 bytes   "JLREF01\n"
#   length    uint64    of the payload
#   checksum  32 bytes  SHA-256 of the payload
#   payload:  uint32 number of items, then per item
#     name    uint16 length, UTF-8 bytes
#     type    1 byte: e Float16, f Float32, d Float64, F ComplexF32, D ComplexF64, q Int64,
#             Q UInt64, I UInt32, B UInt8, ? Bool; s UTF-8 text, y Symbol, n nothing, t texts,
#             ( tuple
#     ndims   uint8; 0 is a scalar (text has one dimension, of bytes; a tuple one, of items)
#     dims    uint64 each
#     data    in column-major order; of texts and of a tuple one nameless item after the other

const MAGIC = Vector{UInt8}("JLREF01\n")
const TYPES = Dict{Char,DataType}(
    'e' => Float16, 'f' => Float32, 'd' => Float64, 'F' => ComplexF32, 'D' => ComplexF64,
    'q' => Int64, 'Q' => UInt64, 'I' => UInt32, 'B' => UInt8, '?' => Bool)
const CODES = Dict{DataType,Char}(T => code for (code, T) in TYPES)

"Write `name => value` pairs as one frame."
function write_frame(io::IO, items)
    payload = IOBuffer()
    write(payload, htol(UInt32(length(items))))
    foreach(((name, value),) -> write_item(payload, String(name), value), items)
    bytes = take!(payload)
    write(io, MAGIC, htol(UInt64(length(bytes))), sha256(bytes), bytes)
    flush(io)
end

function write_item(io, name, value)
    write(io, htol(UInt16(ncodeunits(name))), name)
    write_value(io, value)
end

write_value(io, text::AbstractString) = write_text(io, 's', String(text))
write_value(io, name::Symbol) = write_text(io, 'y', String(name))
write_value(io, ::Nothing) = write(io, 'n', UInt8(0))
write_text(io, code, text) = write(io, code, UInt8(1), htol(UInt64(ncodeunits(text))), text)

function write_value(io, texts::Array{<:AbstractString})
    write(io, 't', UInt8(ndims(texts)), htol.(UInt64[size(texts)...]))
    foreach(text -> write_item(io, "", text), texts)
end
function write_value(io, values::Tuple)
    write(io, '(', UInt8(1), htol(UInt64(length(values))))
    foreach(value -> write_item(io, "", value), values)
end
function write_value(io, value::Number)
    write(io, CODES[typeof(value)], UInt8(0), htol(value))
end
function write_value(io, values::Array)
    write(io, CODES[eltype(values)], UInt8(ndims(values)), htol.(UInt64[size(values)...]))
    write(io, eltype(values) == Bool ? UInt8.(values) : htol.(values))
end
write_value(io, values::AbstractArray) = write_value(io, Array(values))

"""
Read one frame into a dictionary; `nothing` where the stream ends before one begins. Throws where
it ends within one, or where magic, checksum or layout are wrong.
"""
function read_frame(io::IO)
    eof(io) && return nothing
    magic = read_bytes(io, length(MAGIC))
    magic == MAGIC || error("no frame: it begins with $magic")
    size = ltoh(read(io, UInt64))
    checksum = read_bytes(io, 32)
    bytes = read_bytes(io, size)
    sha256(bytes) == checksum || error("a frame does not fit its checksum")
    payload = IOBuffer(bytes)
    count = ltoh(read(payload, UInt32))
    items = Dict{String,Any}(read_item(payload) for _ in 1:count)
    eof(payload) || error("a frame has bytes after its last item")
    return items
end

# Not read(io, n): on a pipe that waits for one byte more, or the end, after the n bytes.
read_bytes(io, n) = read!(io, Vector{UInt8}(undef, n))

function read_item(io)
    name = String(read_bytes(io, ltoh(read(io, UInt16))))
    code = Char(read(io, UInt8))
    dims = [Int(ltoh(read(io, UInt64))) for _ in 1:read(io, UInt8)]
    code == 's' && return name => String(read_bytes(io, only_dim(dims)))
    code == 'y' && return name => Symbol(String(read_bytes(io, only_dim(dims))))
    code == 'n' && return name => nothing
    code == 't' && return name => reshape(String[last(read_item(io)) for _ in 1:prod(dims)], dims...)
    code == '(' && return name => ntuple(i -> last(read_item(io)), only_dim(dims))
    haskey(TYPES, code) || error("a frame has an item of the unknown type $code")
    values = Array{TYPES[code]}(undef, dims...)
    read!(io, values)
    values .= ltoh.(values)
    return name => isempty(dims) ? values[] : values
end

only_dim(dims) = length(dims) == 1 ? dims[1] : error("text in a frame has $(length(dims)) dimensions")
