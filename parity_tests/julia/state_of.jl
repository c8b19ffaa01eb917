# Draws, then prints the state of the generator by `state.jl` (its path is the first argument), then draws on.
include(ARGS[1])
Random.seed!(parse(Int, ARGS[2]))
for draw in split(ARGS[3]; keepempty=false)
    draw == "rand" ? rand() : draw == "array" ? rand(1000) : draw == "int" ? rand(UInt64) : randperm(9)
end
for (name, value) in generator_state()
    println(name, ' ', ndims(value) == 2 ? size(value, 2) : ndims(value), ' ', join(value isa Matrix ? vec(permutedims(value)) : value, " "))
end
println("next 1 ", join(reinterpret(UInt64, [rand(); rand(500); Float64.(rand(1:1000, 50))]), ' '))
