# julia worker.jl INPUT OUTPUT: serve requests on two inherited file descriptors.
#
# They are descriptors of their own, so that whatever this process or a library prints on standard
# output cannot get into the frames. The sources are included and not loaded as a package: no
# compilation cache is written, and a read-only home is enough.

include("JuliaRef.jl")

JuliaRef.serve(fdio(parse(Int, ARGS[1])), fdio(parse(Int, ARGS[2]), true))
