# Every rule by hand, for two steps on one number. Each assignment in Float64, stored as Float32.
function by_hand(opt::Descent, gradients)
    return [Float32(g * opt.eta) for g in gradients]
end
function by_hand(opt::Momentum, gradients)
    v = 0.0f0
    return [-(v = Float32(opt.rho * v - opt.eta * g)) for g in gradients]
end
function by_hand(opt::ADAM, gradients)
    m, v, (β1, β2) = 0.0f0, 0.0f0, opt.beta
    p1, p2 = β1, β2
    return map(gradients) do g
        m = Float32(β1 * m + (1 - β1) * g)
        v = Float32(β2 * v + (1 - β2) * Float64(g * g))
        step = Float32(m / (1 - p1) / (sqrt(v / (1 - p2)) + 1e-8) * opt.eta)
        p1, p2 = p1 * β1, p2 * β2
        step
    end
end

@testset "optimisers" begin
    gradients = Float32[0.3, -1.7, 0.11]
    for make in (() -> Descent(0.02), () -> Momentum(0.005, 0.9), () -> ADAM(0.001))
        opt, w = make(), Float32[1, 2]
        steps = [apply!(opt, w, fill(g, 2))[1] for g in gradients]
        @test bits(steps, by_hand(opt, gradients))

        # State belongs to the array: another one with the same numbers starts anew.
        @test apply!(opt, copy(w), [gradients[1], 0.0f0])[1] === steps[1]

        # It can be taken out and put into another optimiser of another model.
        model, other = small_model(), small_model()
        before = make()
        for g in gradients[1:2]
            update_parameters!(before, parameters(model), [fill(g, size(p)) for p in parameters(model)])
        end
        unflatten!(other, flatten(model))
        after = make()
        JuliaRef.load_state!(after, "opt", other, Dict(JuliaRef.named_state(before, "opt", model)))
        for (o, m) in ((before, model), (after, other))
            update_parameters!(o, parameters(m), [fill(gradients[3], size(p)) for p in parameters(m)])
        end
        @test bits(flatten(model), flatten(other))
    end

    # The rate is Float64: as Float32 it would give another last bit somewhere.
    g = Float32.(1:1000) ./ 997
    @test any(apply!(Descent(0.02), g, copy(g)) .!== g .* 0.02f0)
end
