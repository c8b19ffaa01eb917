@testset "draws" begin
    if VERSION < v"1.7-"
        d = Generator(0)
        @test [uniform(d, 0, 1) for _ in 1:3] ==
              [0.8236475079774124, 0.9103565379264364, 0.16456579813368521]
        @test permutation(d, 10) == [7, 2, 4, 6, 3, 9, 5, 10, 1, 8]
        @test occursin("MersenneTwister(0)", JuliaRef.origin(d))
    end
    @test_throws DomainError Generator(-1; kind = "MersenneTwister")
    @test_throws ArgumentError Generator(0; kind = "rand")

    # What a recorder heard is a tape that says the same.
    heard = Recorder(Generator(3))
    first_time = (uniform(heard, -5, 5, 2, 3), permutation(heard, 5), SineWave(heard))
    tape = Tape(heard.uniforms, heard.permutations)
    @test first_time == (uniform(tape, -5, 5, 2, 3), permutation(tape, 5), SineWave(tape))
    @test JuliaRef.next_unit!(tape) === nothing
    @test_throws ErrorException uniform(tape, 0, 1)
    @test_throws ErrorException permutation(tape, 1)
    @test_throws ArgumentError permutation(Tape([], [1, 1]), 2)
    @test_throws DomainError uniform(Tape([1.0]), 0, 1)

    # Column by column, each element a + (b - a) u.
    @test uniform(Tape([0.0, 0.25, 0.5, 0.75]), -1, 3, 2, 2) == [-1 1; 0 2]

    model = sine_model(Generator(0))
    @test length(flatten(model)) == 4353
    @test all(abs.(model.layers[2].W) .<= 1 / 8)
    other = JuliaRef.unflatten!(sine_model(Generator(1)), flatten(model))
    @test bits(flatten(other), flatten(model))
    @test_throws DimensionMismatch unflatten!(model, zeros(Float32, 4352))
end
