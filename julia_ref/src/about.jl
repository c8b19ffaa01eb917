# What this Julia is: shared by this package and by the worker for users' own files.

"Versions and numeric settings, as name => value pairs."
about_julia() = Pair{String,Any}[
    "julia" => string(VERSION),
    "blas" => blas_settings(),
    "blas_kernels" => blas_kernels(),
    "cpu_target" => unsafe_string(Base.JLOptions().cpu_target),
    "cpu" => Sys.CPU_NAME,
    "threads" => Threads.nthreads(),
    "default_generator" => VERSION < v"1.7-" ? "MersenneTwister" : "Xoshiro",
]

blas_settings() = isdefined(BLAS, :get_config) ? string(BLAS.get_config()) :
    strip(BLAS.openblas_get_config())

"The kernels that OpenBLAS itself says it runs; `unknown` where it cannot be asked."
function blas_kernels()
    for path in Libdl.dllist()
        occursin("openblas", lowercase(basename(path))) || continue
        library = Libdl.dlopen(path)
        for name in (:openblas_get_corename64_, :openblas_get_corename)
            address = Libdl.dlsym_e(library, name)
            address == C_NULL || return unsafe_string(ccall(address, Ptr{UInt8}, ()))
        end
    end
    return "unknown"
end
