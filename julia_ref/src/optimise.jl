# The constants are Float64, the arrays Float32: each assignment is formed in Float64 and rounded
# once, when it is stored. State belongs to an array, by identity: a fresh copy of the same numbers
# starts with fresh state.

export Descent, Momentum, ADAM, RMSProp, Nesterov

"A rule that turns a gradient into the step to be subtracted: `apply!(opt, w, g)`."
abstract type Optimiser end

"What a rule keeps for each array, by the array's identity."
const States = IdDict{Any,Dict{String,Array}}

"""
    Descent(eta = 0.1)

Step ``η g``.
"""
struct Descent <: Optimiser
    eta::Float64
    state::States
    Descent(eta = 0.1) = new(eta, States())
end

"""
    Momentum(eta = 0.01, rho = 0.9)

``v ← ρ v - η g``, step ``-v``.
"""
struct Momentum <: Optimiser
    eta::Float64
    rho::Float64
    state::States
    Momentum(eta = 0.01, rho = 0.9) = new(eta, rho, States())
end

"""
    ADAM(eta = 0.001, beta = (0.9, 0.999))

``m ← β_1 m + (1 - β_1) g``, ``v ← β_2 v + (1 - β_2) g^2``, step
``m / (1 - β_1^t) / (\\sqrt{v / (1 - β_2^t)} + 10^{-8}) · η`` (Kingma and Ba, 2015). The powers
are kept as running products.
"""
struct ADAM <: Optimiser
    eta::Float64
    beta::Tuple{Float64,Float64}
    state::States
    ADAM(eta = 0.001, beta::Tuple = (0.9, 0.999)) = new(eta, beta, States())
    ADAM(eta, beta1, beta2) = new(eta, (beta1, beta2), States())
end

"""
    RMSProp(eta = 0.001, rho = 0.9)

``acc ← ρ acc + (1 - ρ) g^2``, step ``g · η / (\\sqrt{acc} + 10^{-8})`` (Hinton, 2012).
"""
struct RMSProp <: Optimiser
    eta::Float64
    rho::Float64
    state::States
    RMSProp(eta = 0.001, rho = 0.9) = new(eta, rho, States())
end

"""
    Nesterov(eta = 0.001, rho = 0.9)

``d = ρ^2 v - (1 + ρ) η g``, ``v ← ρ v - η g``, step ``-d``.
"""
struct Nesterov <: Optimiser
    eta::Float64
    rho::Float64
    state::States
    Nesterov(eta = 0.001, rho = 0.9) = new(eta, rho, States())
end

const OPTIMISERS = Dict(string(nameof(T)) => T for T in (Descent, Momentum, ADAM, RMSProp, Nesterov))

"""
    optimiser(name, numbers)

The optimiser of that name, made of its numbers one after the other.
"""
function optimiser(name, numbers)
    haskey(OPTIMISERS, name) || throw(ArgumentError(
        "no optimiser is called $name: use " * join(sort(collect(keys(OPTIMISERS))), ", ")))
    applicable(OPTIMISERS[name], numbers...) ||
        throw(ArgumentError("$name is not made of $(length(numbers)) numbers"))
    return OPTIMISERS[name](numbers...)
end

"""
    apply!(opt, w, g)

Turn the gradient `g` of the parameter `w` into the step to be subtracted from `w`, in place, and
return it.
"""
function apply!(opt::Descent, w, g)
    g .= g .* opt.eta
    return g
end

function apply!(opt::Momentum, w, g)
    state = state!(opt, w)
    v, η, ρ = state["velocity"], opt.eta, opt.rho
    @. v = ρ * v - η * g
    @. g = -v
    return g
end

function apply!(opt::ADAM, w, g)
    state = state!(opt, w)
    m, v, powers = state["m"], state["v"], state["beta_powers"]
    (β1, β2), (power1, power2), η = opt.beta, powers, opt.eta
    @. m = β1 * m + (1 - β1) * g
    @. v = β2 * v + (1 - β2) * g^2
    @. g = m / (1 - power1) / (sqrt(v / (1 - power2)) + 1e-8) * η
    powers .*= opt.beta
    return g
end

function apply!(opt::RMSProp, w, g)
    acc, η, ρ = state!(opt, w)["acc"], opt.eta, opt.rho
    @. acc = ρ * acc + (1 - ρ) * g^2
    @. g = g * (η / (sqrt(acc) + 1e-8))
    return g
end

function apply!(opt::Nesterov, w, g)
    v, η, ρ = state!(opt, w)["velocity"], opt.eta, opt.rho
    d = @. ρ^2 * v - (1 + ρ) * η * g
    @. v = ρ * v - η * g
    @. g = -d
    return g
end

"What an optimiser keeps for a parameter, by name: what it holds for `w`, made if there is none."
state!(opt::Optimiser, w) = get!(() -> fresh_state(opt, w), opt.state, w)

"The state for an array that the optimiser has not met, part by part; none where it keeps none."
fresh_state(::Optimiser, w) = Dict{String,Array}()
fresh_state(::Momentum, w) = Dict{String,Array}("velocity" => zero(w))
fresh_state(opt::ADAM, w) =
    Dict{String,Array}("m" => zero(w), "v" => zero(w), "beta_powers" => collect(opt.beta))
fresh_state(::RMSProp, w) = Dict{String,Array}("acc" => zero(w))
fresh_state(::Nesterov, w) = Dict{String,Array}("velocity" => zero(w))

"Forget the state of every array."
forget!(opt::Optimiser) = (empty!(opt.state); nothing)

"""
    update_parameters!(opt, weights, grads)

``w ← w - \\mathrm{step}(g)`` for every parameter. `grads` is overwritten.
"""
function update_parameters!(opt::Optimiser, weights, grads)
    for (w, g) in zip(weights, grads)
        w .-= apply!(opt, w, g)
    end
end

# An optimiser's state under names: PREFIX.layers.0.weight.m and so on.

"The state kept for `model`, as name => array pairs; nothing for parameters that have none yet."
function named_state(opt::Optimiser, prefix, model)
    named = Pair{String,Any}[]
    for (name, w) in zip(parameter_names(model), parameters(model)), part in state_parts(opt, w)
        haskey(opt.state, w) && push!(named, "$prefix.$name.$part" => copy(opt.state[w][part]))
    end
    return named
end

state_parts(opt::Optimiser, w) = sort(collect(keys(fresh_state(opt, w))))

"Load what `named_state` gave; names that are missing stay fresh."
function load_state!(opt::Optimiser, prefix, model, named)
    for (name, w) in zip(parameter_names(model), parameters(model)), part in state_parts(opt, w)
        key = "$prefix.$name.$part"
        haskey(named, key) && copyto!(state!(opt, w)[part], named[key])
    end
end
