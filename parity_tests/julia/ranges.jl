# The elements of Julia's ranges. Reads lines `START STOP LENGTH` (whole numbers) from standard
# input and answers each with the first 16 hexadecimal digits of the SHA-256 of the elements, as
# Float64: of range(START, stop=STOP, length=LENGTH), then of LinRange(START, STOP, LENGTH).
# To record anew: cut -d= -f1 ranges_1.5.3.txt | julia ranges.jl

using SHA

digest(values) = bytes2hex(sha256(collect(reinterpret(UInt8, Vector{Float64}(values)))))[1:16]

for line in eachline()
    start, stop, length = parse.(Int, split(line))
    answers = digest.((range(start, stop=stop, length=length), LinRange(start, stop, length)))
    println("$start $stop $length = ", join(answers, " "))
end
