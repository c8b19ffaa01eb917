@testset "frames" begin
    items = Pair{String,Any}[
        "text" => "ψ ok", "empty" => "", "float" => 1.5f0, "double" => -0.0, "int" => -3, "bool" => true,
        "matrix" => Float32[1 2 3; 4 5 6], "none" => zeros(0, 3), "words" => UInt32[7],
        "bytes" => UInt8[1, 2], "flags" => [true, false], "half" => Float16[0.1], "complex" => 1.0im,
        "large" => typemax(UInt64), "texts" => ["a" "ψ"], "symbol" => :decay, "nothing" => nothing,
        "tuple" => (1, ("a", nothing)), "range" => 1:3]
    io = IOBuffer()
    JuliaRef.write_frame(io, items)
    frame = take!(io)
    read_back = JuliaRef.read_frame(IOBuffer(frame))
    @test length(read_back) == length(items)
    @test all(read_back[name] == value && typeof(read_back[name]) == typeof(value)
              for (name, value) in items if name != "range")
    @test read_back["range"] == [1, 2, 3]
    @test signbit(read_back["double"])
    @test JuliaRef.read_frame(IOBuffer()) === nothing
    @test_throws KeyError JuliaRef.write_frame(IOBuffer(), ["complex" => Int8(1)])
    for at in (1, 9, 20, 60, length(frame))
        damaged = copy(frame)
        damaged[at] ⊻= 0x01
        @test_throws Exception JuliaRef.read_frame(IOBuffer(damaged))
        @test_throws Exception JuliaRef.read_frame(IOBuffer(frame[1:at-1+(at == 1)]))
    end
end

@testset "requests" begin
    @test ask("op" => "about")["julia"] == string(VERSION)
    run = ["op" => "run", "function" => "fomaml", "epochs" => 1, "seed" => 0]
    for wrong in (["op" => "no"], ["function" => "maml"], ["epochs" => -1], ["epochs" => 1.5],
                  ["n_task" => 3], ["n_tasks" => 0], ["opt" => "Descent"], ["weight_epochs" => [2]],
                  ["weight_epochs" => [1, 1]], ["meta_opt" => "Unheard", "meta_opt.numbers" => [1.0]],
                  ["meta_opt" => "ADAM", "meta_opt.numbers" => [1.0, 0.9]],
                  ["meta_opt" => "Descent", "meta_opt.numbers" => [1.0, 0.9]],
                  ["meta_opt" => "ADAM"], ["uniforms" => [0.5]])
        @test_throws ArgumentError ask(run..., wrong...)
    end
    @test_throws ArgumentError handle(request("function" => "fomaml"))
    @test_throws DomainError ask(run..., "seed" => -1)

    answers = IOBuffer()
    questions = IOBuffer()
    JuliaRef.write_frame(questions, ["op" => "draws", "kind" => "rand", "n" => [2, 1], "seed" => 0])
    JuliaRef.write_frame(questions, ["op" => "draws", "kind" => "dice", "n" => 1, "seed" => 0])
    serve(seekstart(questions), answers)
    seekstart(answers)
    hello, draws, refusal = (JuliaRef.read_frame(answers) for _ in 1:3)
    @test hello["status"] == "ok" && hello["julia"] == string(VERSION)
    @test length(draws["values"]) == 3
    @test refusal["status"] == "error" && occursin("dice", refusal["message"])
    @test JuliaRef.read_frame(answers) === nothing

    # A seed beyond 64 bits comes as its digits.
    huge = ["op" => "draws", "kind" => "rand", "n" => 1]
    @test ask(huge..., "seed" => "5")["values"] == ask(huge..., "seed" => 5)["values"]
    @test ask(huge..., "seed" => string(big(2)^70))["values"] != ask(huge..., "seed" => 0)["values"]
end
