# What a run leaves, in the format of the recordings: numbers that may be Float32 or Float64 in the
# run (points, predictions) are widened to Float64.

"Collects weights, evaluations and optimiser state while an algorithm trains a model."
struct Record
    algorithm::Algorithm
    model::Chain
    wanted::Set{Int}
    keep_state::Bool
    weights::Vector{Pair{Int,Vector{Float32}}}
    evaluations::Vector{Pair{Int,Evaluation}}
    state::Vector{Pair{String,Any}}
end

Record(algorithm, model, wanted, keep_state) = Record(
    algorithm, model, wanted, keep_state,
    Pair{Int,Vector{Float32}}[], Pair{Int,Evaluation}[], Pair{String,Any}[])

function keep!(record::Record, i, evaluation)
    evaluation === nothing || push!(record.evaluations, i => evaluation)
    i in record.wanted && keep_weights!(record, i)
end

function keep_weights!(record::Record, i)
    push!(record.weights, i => flatten(record.model))
    record.keep_state && append!(record.state, all_state(record.algorithm, record.model, "state.$i."))
end

"The record as name => array pairs."
function named(record::Record, eval_batch_size)
    seen = map(last, record.evaluations)
    at_weights = [i => e for (i, e) in record.evaluations if i in record.wanted]
    rows(values, width) = stack_rows(Float64, values, width)
    predictions(which) = rows([getfield(e, which) for (_, e) in at_weights], 50)
    return Pair{String,Any}[
        "weight_epochs" => map(first, record.weights),
        "weights" => stack_rows(Float32, map(last, record.weights), length(flatten(record.model))),
        "eval_epochs" => map(first, record.evaluations),
        "test_losses" => stack_rows(Float32, [e.test_losses for e in seen], 33),
        "eval_testx" => rows([e.testx for e in seen], 50),
        "eval_x" => rows([e.x for e in seen], eval_batch_size),
        "eval_y" => rows([e.y for e in seen], eval_batch_size),
        "prediction_epochs" => map(first, at_weights),
        "initial_predictions" => predictions(:initial_predictions),
        "final_predictions" => predictions(:final_predictions),
        record.state...,
    ]
end

"One evaluation as name => array pairs, with a prefix before each name."
named(e::Evaluation, prefix) = Pair{String,Any}[
    [prefix * name => Float64.(collect(getfield(e, Symbol(name)))) for name in
     ("x", "y", "testx", "testy", "initial_predictions", "final_predictions")];
    prefix * "test_losses" => e.test_losses]

"Vectors as the rows of a matrix; `width` is needed only where there may be none."
function stack_rows(T, rows, width = length(first(rows)))
    matrix = Matrix{T}(undef, length(rows), width)
    for (i, row) in enumerate(rows)
        matrix[i, :] .= row
    end
    return matrix
end
