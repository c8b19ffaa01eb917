# Whatever Julia holds, for test_julia_values.py, beside the same in Python.

using Dates, LinearAlgebra, Random, SparseArrays

struct Dense{W,B,F}
    weight::W
    bias::B
    σ::F
end
struct Chain{T}
    layers::T
end
struct Identity end
struct BFloat16 <: AbstractFloat
    bits::UInt16
end
Base.Float32(x::BFloat16) = reinterpret(Float32, UInt32(x.bits) << 16)
Base.convert(::Type{Float32}, x::BFloat16) = Float32(x)

model() = Chain((Dense(Float32[1 2; 3 4], Float32[0.5, -0.5], tanh), Identity(),
                 Dense(ones(2, 2), nothing, Base.Fix2(+, 2.0))))

held(rule, pair, none, z, names) = (
    rule = rule === :decay, pair = pair, none = none === nothing, z = z, names = names,
    model = model(), half = Float16[0.1, 2], complex = ComplexF32[1im, 2], whole = 1 + 2im,
    above = typemax(UInt64), unsigned = UInt64[1, 2], narrow = Int8(3),
    losses = Any[1, 2.5], none_yet = Any[], matrix = Any[1 2; 3 4], numbers = (1, 2.5),
    nested = (a = 1, b = (c = [1.0],)), dict = Dict("y" => 1, "x" => [2]),
    tuple = ([1], [2, 3]), arrays = [[1.0], [2.0, 3.0]], table = reshape(Any[[1], [2]], 1, 2),
    pairs = ["b" => 1, "a" => 2], unlike = Any["a", 1, nothing],
    range = 1:3, linear = 0:0.5:1, transposed = [1 2; 3 4]', seen = view([1, 2, 3], 2:3),
    sparse = sparse([1, 2], [1, 2], [1.0, 2.0]), diagonal = Diagonal([1.0, 2]),
    symmetric = Symmetric([1 2; 3 4]), nothing_there = nothing, symbol = :relu,
    texts = ["a", "bc"], date = Date(2020, 1, 2), times = [DateTime(2020, 1, 2, 0, 0, 0, 500)],
    big = big(2)^70, small_big = Int128(5), brain = BFloat16[BFloat16(0x3fc0)])

endless() = (x = Any[1]; push!(x, x, "x"); x)
const REFUSED = (
    missing = [1.0, missing], rational = 1 // 2, digits = big(0.5), generator = MersenneTwister(1),
    set = Set([1]), task = Task(() -> 1), inside = Dict("a" => (1 // 2,)), callable = tanh,
    endless = endless())

"What is said of a value that cannot be taken, in step 1."
function said(name, value)
    try
        Main.UserFunction.named_arrays([(a = 1,), NamedTuple{(name,)}((value,))])
        return "nothing"
    catch problem
        return sprint(showerror, problem)
    end
end

struct Pair2 <: AbstractVector{Float64}
    a::Float64
    b::Float64
end
Base.size(::Pair2) = (2,)
Base.getindex(x::Pair2, i::Int) = i == 1 ? x.a : x.b

"Names that share memory with the step before, some through a view or a transpose."
function sharing()
    w, layers, constant = ones(2, 2), [[1.0], [2.0]], [1.0]
    steps = [(w = w', seen = view(w, 1:2, 1), layers = layers, copied = copy(w), number = 1.0,
              range = 1:2, bits = Pair2(1, 2), constant = constant) for _ in 1:3]
    return Main.UserFunction.shared(steps)
end

everything(arguments...; z, names) = [
    held(arguments..., z, names),
    (shared = sharing(),),
    (refused = [name => said(name, value) for (name, value) in pairs(REFUSED)],)]
