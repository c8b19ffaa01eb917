# Functions for test_julia_function.py, each yielding its steps in one of the ways there are.

function in_place(seed, name; n = 2, start = zeros(Float32, 2))
    println("what it prints goes nowhere near the numbers")
    W = copy(start)
    Channel() do steps
        put!(steps, (W = W,))
        for i in 1:n
            W .+= 1
            put!(steps, (half = W ./ 2, k = Int32(i + seed), odd = isodd(i), total = sum(W),
                         mask = W .> 1.5, transposed = reshape(1:6, 2, 3)', W = W))
        end
        put!(steps, ["length" => length(name)])
    end
end

function shared()
    w, x = ones(2), [1.0]
    return map(1:3) do i
        w .-= 0.25
        (w = w, x = copy(x))
    end
end

unordered() = [Dict("a" => 1, "b" => 2)]

breaks_off() = [(a = sqrt(x),) for x in (1.0, -1.0)]

function crash_once(marker)
    isfile(marker) || (touch(marker); ccall(:abort, Cvoid, ()))
    return (a = 1.0,)
end

"Fails inside the task that a `Channel` runs."
function fails_inside()
    return Channel() do steps
        put!(steps, (a = 1.0,))
        println("the rate is -1")
        error("the learning rate is negative")
    end
end

"Draws before and inside a task: the default generator starts where the worker says."
drawn() = [(first = rand(),)]

needs_a_package() = (@eval Main using NotAPackage; [(a = 1.0,)])

"Two arrays of one name in a step."
twice() = [["a" => 1.0], ["a" => 1.0, "b" => 2.0, "b" => 3.0]]
