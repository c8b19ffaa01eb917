const SMALL_RUN = ["op" => "run", "epochs" => 4, "eval_interval" => 2, "keep_draws" => true,
                   "keep_state" => true, "weight_epochs" => [0, 1, 3, 4]]

adam(key, eta) = [key => "ADAM", "$key.numbers" => [eta, 0.9, 0.999]]

const CASES = [
    ["function" => "transfer_learn"],
    ["function" => "transfer_learn_blog", "train_batch_size" => 1],
    ["function" => "fomaml", "n_tasks" => 2],
    ["function" => "fomaml"; adam("meta_opt", 0.001); adam("inner_opt", 0.005)],
    ["function" => "reptile", "train_batch_size" => 12],
    ["function" => "reptile"; adam("meta_opt", 0.001); adam("inner_opt", 0.005)],
]

@testset "training: $(last(case[1]))" for case in CASES
    run = ask(SMALL_RUN..., case..., "seed" => 5)
    @test run["weights"][1, :] == run["init_weights"]
    @test size(run["test_losses"]) == (2, 33)
    @test run["eval_epochs"] == [2, 4] && run["prediction_epochs"] == [4]
    @test run["draw_ends"][1, :] == [4353, 0]

    # The same numbers from a tape, and then none are left.
    tape = ["uniforms" => run["uniforms"], "permutations" => run["permutations"]]
    again = ask(SMALL_RUN..., case..., tape...)
    @test startswith(again["draws"], "a tape of")
    @test !haskey(again, "next_rand")
    @test all(bits(again[name], run[name]) for name in keys(again) if name != "draws")

    # Tracing iteration 4, from the seed or from iteration 3's weights, state and draws.
    options = [case; "iteration" => 4; "eval_interval" => 2]
    traced = ask("op" => "trace", options..., "seed" => 5)
    @test bits(traced["start_weights"], run["weights"][3, :])
    @test bits(traced["end_weights"], run["weights"][4, :])
    @test traced["uniforms"] == run["uniforms"][run["draw_ends"][4, 1]+1:end]
    state = ["state." * name[9:end] => values for (name, values) in run if startswith(name, "state.3.")]
    stepped = ask("op" => "trace", options..., "weights" => run["weights"][3, :], state...,
                  "uniforms" => traced["uniforms"], "permutations" => traced["permutations"])
    @test keys(stepped) == keys(traced)
    @test all(stepped[name] == traced[name] for name in keys(traced) if name != "draws")
    @test stepped["trace.eval.test32.loss"] === run["test_losses"][2, 33] ||
          case[1] == ("function" => "transfer_learn_blog")
    @test allunique(first.(handle(request("op" => "trace", options..., "seed" => 5))))
end

@testset "what lasts and what does not" begin
    @test ask("op" => "trace", "function" => "reptile", "seed" => 0, adam("meta_opt", 0.1)...)["end_weights"] isa Vector
    reptile_state = ask(SMALL_RUN..., "function" => "reptile", adam("meta_opt", 0.1)..., "seed" => 0)
    @test !any(occursin("meta_opt", name) for name in keys(reptile_state))
    fomaml_state = ask(SMALL_RUN..., "function" => "fomaml", adam("meta_opt", 0.1)..., "seed" => 0)
    powers = fomaml_state["state.4.meta_opt.layers.0.weight.beta_powers"]
    @test powers ≈ [0.9, 0.999] .^ 5

    model = sine_model(Generator(0))
    before = flatten(model)
    eval_model(model, Float32[1, 2], Float32.(JuliaRef.wave_range()), SineWave(1, 2))
    @test bits(flatten(model), before)
end

@testset "one evaluation, and the script" begin
    given = ask("op" => "evaluate", "amplitude" => 4, "phase_shift" => 1, "seed" => 0)
    again = ask("op" => "evaluate", "amplitude" => 4, "phase_shift" => 1,
                "weights" => given["weights"], "x" => given["x"])
    @test again["draws"] == "none"
    @test all(bits(again[name], given[name]) for name in keys(given) if name != "draws")
    linrange = ask("op" => "evaluate", "amplitude" => 4, "phase_shift" => 1, "seed" => 0,
                   "testx" => "linrange")
    @test given["testx"] != linrange["testx"]
    @test given["testx"] ≈ linrange["testx"]

    script = ask("op" => "zoo_script", "seed" => 0, "epochs" => 2, "eval_interval" => 1)
    @test size(script["reptile_eval_test_losses"]) == (2, 33)
    @test length(script["fomaml_5x10_test_losses"]) == 11
    @test script["fomaml_10x32_x"] == script["reptile_10x32_x"] != script["fomaml_5x10_x"]
end
