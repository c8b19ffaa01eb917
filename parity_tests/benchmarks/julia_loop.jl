# Trains as told on standard input, a line "FUNCTION ITERATIONS" each, and answers with a line.
# The first argument is the file of our Julia package.

include(ARGS[1])
using .JuliaRef

for line in eachline(stdin)
    name, iterations = split(line)
    draws = Generator(1)
    model = sine_model(draws)
    train = name == "fomaml" ? fomaml : reptile
    train(model, draws; epochs = parse(Int, iterations), eval_interval = 1000)
    println("done")
    flush(stdout)
end
