# What Julia, Flux's operations on arrays and OpenBLAS make of fixed numbers, operation by operation:
# one line "name digest" each. `julia_primitives.py` makes the same numbers.
#
#     OPENBLAS_CORETYPE=Haswell OPENBLAS_NUM_THREADS=1 julia -C haswell primitives.jl [FOLDER]
#
# With a folder, the values themselves are written there as well.

using LinearAlgebra, SHA

"n numbers in [-1, 1), the same ones wherever integers are: a multiplicative hash of 1..n."
numbers(n, stream) = Float32[
    (div((k + 1000003 * stream) * 2654435761 % 2^32, 256) - 2^23) / 2^23 for k in 1:n]

"Every `step`-th Float32 from 0 up to `last`, and the same ones with a minus sign."
function spread(last, step)
    bits = UInt32(0):UInt32(step):reinterpret(UInt32, Float32(last))
    up = reinterpret.(Float32, bits)
    return vcat(up, -up)
end

function report(name, values)
    bytes = collect(reinterpret(UInt8, vec(collect(values))))
    println(name, " ", bytes2hex(sha256(bytes)))
    isempty(ARGS) || write(joinpath(ARGS[1], name), bytes)
end

report("sine", sin.(spread(100, 1009)))
report("sine_large", sin.(spread(3.0e8, 1511)))
report("tanh", tanh.(spread(30, 1013)))

W = reshape(numbers(4096, 1), 64, 64)
w3 = reshape(numbers(64, 2), 1, 64)
for n in 1:70
    h = reshape(numbers(64n, 3), 64, n)
    delta = reshape(numbers(64n, 4), 64, n)
    d = reshape(numbers(n, 5), 1, n)
    x = numbers(n, 6)
    report("forward_$n", W * h)
    report("carried_$n", transpose(W) * delta)
    report("weight_gradient_$n", delta * transpose(h))
    report("output_$n", w3 * h)
    report("row_gradient_$n", d * transpose(h))
    report("column_gradient_$n", delta * x)
    report("sum_columns_$n", sum(delta, dims = 2))
    report("sum_row_$n", sum(d, dims = 2))
end
for n in 1:80
    report("sum_all_$n", [sum(numbers(n, 7)), sum(reshape(numbers(n, 8), 1, n))])
end
