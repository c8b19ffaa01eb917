"""
    SineWave(amplitude, phase_shift)

A task, ``y = a \\sin(x + φ)``; both numbers are stored as Float32.
"""
struct SineWave
    amplitude::Float32
    phase_shift::Float32
end

"""
    SineWave(draws)

The amplitude from [0.1, 5], then the phase from [0, 2π].
"""
function SineWave(draws::Draws)
    amplitude = uniform(draws, 0.1, 5)
    phase_shift = uniform(draws, 0, 2pi)
    return SineWave(amplitude, phase_shift)
end

# One fused expression: for a range, x .+ phase is again a range, with elements of its own rounding.
(s::SineWave)(x::AbstractArray) = s.amplitude .* sin.(x .+ s.phase_shift)

function note!(trace::Trace, s::SineWave)
    note!(trace, "amplitude", s.amplitude)
    note!(trace, "phase_shift", s.phase_shift)
end
note!(::Nothing, ::SineWave) = nothing

"The 50 points over [-5, 5] on which tasks are judged: a Float64 range."
wave_range() = range(-5, stop = 5, length = 50)
