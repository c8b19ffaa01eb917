# What this Julia (<= 1.6) draws. Reads cases from standard input, one a line:
#
#     SEED | DRAW DRAW ...
#
# SEED is an integer, BASE^EXPONENT, or UInt32 words as [w,w,...]. A DRAW is its kind with arguments after colons:
#   scalars:N  scalars32:N     N times rand(), rand(Float32)
#   array:N    array32:N       rand(N), rand(Float32, N)
#   randperm:N  shuffle:N      randperm(N), shuffle(1:N)
#   uniform:A:B:N  uniform:A:B:N:M   the formula of Distributions' Uniform(A, B), column by column
#   state:                     the generator's state
# Answers each line with the first 16 hexadecimal digits of the SHA-256 of every draw's bytes.

using Random, SHA

parse_seed(text) = startswith(text, "[") ?
    UInt32[parse(UInt32, w) for w in split(strip(text, ['[', ']']), ","; keepempty=false)] :
    foldr(^, parse.(BigInt, split(text, "^")))

bytes(values::AbstractArray) = collect(reinterpret(UInt8, vec(collect(values))))

uniform(a, b, size...) = reshape([a + (b - a) * rand() for _ in 1:prod(size)], size...)

# Mersenne twister: 191 pairs of words and the lung, then the cache and the place in it.
function state()
    rng = Random.default_rng()
    vcat(bytes(rng.state.val[1:768]), bytes(rng.vals), bytes([rng.idxF]))
end

function draw(text)
    parts = split(text, ":"; keepempty=false)
    kind, args = parts[1], parts[2:end]
    n() = parse(Int, args[1])
    kind == "scalars" && return bytes([rand() for _ in 1:n()])
    kind == "scalars32" && return bytes([rand(Float32) for _ in 1:n()])
    kind == "array" && return bytes(rand(n()))
    kind == "array32" && return bytes(rand(Float32, n()))
    kind == "randperm" && return bytes(randperm(n()))
    kind == "shuffle" && return bytes(shuffle(1:n()))
    kind == "state" && return state()
    kind == "uniform" &&
        return bytes(uniform(parse.(Float64, args[1:2])..., parse.(Int, args[3:end])...))
    error("unknown draw $text")
end

for line in eachline()
    seed, draws = split(line, " | ")
    Random.seed!(parse_seed(seed))
    println(join((bytes2hex(sha256(draw(d)))[1:16] for d in split(draws)), " "))
end
