"""
    zoo_script(fomaml_draws, reptile_draws; epochs = 50_000, eval_interval = 1000)

The model zoo's script from start to end: train a network with `fomaml` and draw ten points in
[-5, 5]; train another with `reptile`; fine-tune both on the ten points (32 updates), then on five
points in [0, 5] (10 updates), drawn after all that. The task is `SineWave(4, 1)`.

Returns name => array pairs: `fomaml_weights`, `fomaml_eval_test_losses` (the evaluations made
while training), `fomaml_10x32_x`, ..., `fomaml_5x10_test_losses`, and the same for `reptile`.
"""
function zoo_script(fomaml_draws::Draws, reptile_draws::Draws; epochs = 50_000, eval_interval = 1000)
    fomaml_model, fomaml_losses = trained(fomaml, fomaml_draws, epochs, eval_interval)
    ten = uniform(fomaml_draws, -5, 5, 10)
    reptile_model, reptile_losses = trained(reptile, reptile_draws, epochs, eval_interval)
    five = uniform(reptile_draws, 0, 5, 5)

    results = Pair{String,Any}[]
    for (name, model, losses) in (("fomaml", fomaml_model, fomaml_losses),
                                  ("reptile", reptile_model, reptile_losses))
        push!(results, "$(name)_weights" => flatten(model), "$(name)_eval_test_losses" => losses)
        append!(results, wave_fit("$(name)_10x32_", model, ten, 32))
        append!(results, wave_fit("$(name)_5x10_", model, five, 10))
    end
    return results
end

function trained(algorithm, draws, epochs, eval_interval)
    model = sine_model(draws)
    evaluations = algorithm(model, draws; epochs = epochs, eval_interval = eval_interval)
    return model, stack_rows(Float32, [e.test_losses for e in evaluations])
end

function wave_fit(prefix, model, x, updates)
    evaluation = eval_model(model, x, LinRange(-5, 5, 50), SineWave(4, 1); updates = updates)
    return named(evaluation, prefix)
end
