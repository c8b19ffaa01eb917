# Reads lines  SEED | draw | draw ...  and answers each draw, from one MersenneTwister a line, with the first
# 16 hexadecimal digits of the SHA-256 of its values' bits as hexadecimal numbers joined by blanks.
using Random, SHA

bits(x::Bool) = x ? "1" : "0"
bits(x::Unsigned) = string(x; base=16)
bits(x::Signed) = bits(unsigned(x))
bits(x::Union{Float16,Float32,Float64}) = bits(reinterpret(Unsigned, x))
bits(x::Complex) = string(bits(real(x)), ",", bits(imag(x)))
values(x::Number) = [x]
values(x) = vec(collect(x))

const rng = MersenneTwister(0)
for line in eachline()
    seed, draws = Iterators.peel(split(line, " | "))
    Random.seed!(rng, parse(BigInt, seed))
    answers = map(collect(draws)) do text
        call = Meta.parse(text)     # ours: the test wrote it
        insert!(call.args, 2, :rng)
        bytes2hex(sha256(join((bits(x) for x in values(eval(call))), ' ')))[1:16]
    end
    println(join(answers, ' '))
end
