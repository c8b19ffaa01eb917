# The same network in Float64, on the same numbers: a central difference in it is good to about
# 1e-9, and the Float32 gradient to a few of its own ulps.
function loss64(θ, x, y)
    W1, b1, W2, b2 = reshape(θ[1:3], 3, 1), θ[4:6], reshape(θ[7:9], 1, 3), θ[10:10]
    return sum((W2 * tanh.(W1 * x .+ b1) .+ b2 .- y) .^ 2) / length(y)
end

function central_difference(f, θ, h = 1e-6)
    map(eachindex(θ)) do i
        up, down = copy(θ), copy(θ)
        up[i] += h
        down[i] -= h
        (f(up) - f(down)) / 2h
    end
end

@testset "gradient" begin
    model = small_model()
    for n in (1, 2, 17), T in (Float32, Float64)
        x, y = T.(5 .* (1:n) ./ n .- 2)', T.(sqrt.(1:n))'
        grads = gradient(model, x, y)
        @test all(eltype.(grads) .== Float32)
        @test [size(g) for g in grads] == [size(p) for p in parameters(model)]
        expected = central_difference(θ -> loss64(θ, Float64.(x), Float64.(y)), Float64.(flatten(model)))
        @test isapprox(reduce(vcat, vec.(grads)), expected, rtol = 1e-5)
        # What a wrong derivative of tanh would give is farther away than that.
        wrong = copy(expected)
        wrong[1:3] .*= 1.001
        @test !isapprox(reduce(vcat, vec.(grads)), wrong, rtol = 1e-5)
    end

    # Not a division by n, and not in Float64: this sum shows the difference.
    squares = Float32.(sqrt.(1:10)) .^ 2
    @test mse(sqrt.(Float32.(1:10)), zeros(Float32, 10)) === sum(squares) * (1.0f0 / 10)
    @test any(1:1000) do k
        a = fill(Float32(k) / 7, 10)
        mse(a, zero(a)) !== sum(a .^ 2) / 10
    end

    x = Float32[1 2]
    @test_throws DomainError gradient(model, x, Float32[Inf 0])
    @test_throws DomainError gradient(model, x, Float32[NaN 0])
end
