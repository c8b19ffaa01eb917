"""
    serve(input, output)

Announce this Julia with the answer to `"about"`, then answer one request after the other until
`input` ends. Every answer has its request's number and a `status`: `"ok"`, or `"error"` with
`message` and `backtrace`.
"""
function serve(input::IO, output::IO)
    write_frame(output, respond(Dict("op" => "about")))
    while true
        request = read_frame(input)
        request === nothing && return
        number = pop!(request, "request", 0)
        answer = ["request" => number; respond(request)]
        # To a file they are buffered, and a process that is killed would take it along.
        foreach(flush, (stdout, stderr))
        write_frame(output, answer)
    end
end

function respond(request)
    try
        return ["status" => "ok"; handle(request)]
    catch problem
        trace = sprint(showerror, problem, catch_backtrace())
        return ["status" => "error", "message" => sprint(showerror, problem), "backtrace" => trace]
    end
end
