"""
Matching expressions against patterns.

Stands in for the registered package of this name, as far as PythonCall uses it.
"""
module MacroTools

export @capture, isexpr

"""
    isexpr(x, heads...)

Whether `x` is an expression, and with one of `heads` if any are given.
"""
isexpr(x) = x isa Expr
isexpr(x, heads...) = x isa Expr && x.head in heads

"""
    @capture(expr, pattern)

Whether `expr` has the form of `pattern`; if so, its parts are assigned to the names in it.

In a pattern, `name_` stands for anything, `name_Type` for a value of that type (`Symbol` or
`String`), and `name__`, last in an argument list, for all that is left. Line numbers do not
count.
"""
macro capture(expr, pattern)
    names = captured!(Symbol[], pattern)
    found = gensym("found")
    take = [:($(esc(name)) = get($found, $(QuoteNode(name)), nothing)) for name in names]
    quote
        $found = Dict{Symbol,Any}()
        matched = match!($found, $(QuoteNode(bare(pattern))), $(esc(expr)))
        matched || empty!($found)
        $(take...)
        matched
    end
end

const TYPES = Dict(:Symbol => Symbol, :String => String)

"""
    slot(x)

What the pattern `x` binds: its name and the type asked for, `Vector` for all that is left;
`nothing` where `x` is no name that ends so.
"""
function slot(x)
    x isa Symbol || return nothing
    text = string(x)
    endswith(text, "__") && return Symbol(chop(text, tail = 2)), Vector
    endswith(text, "_") && return Symbol(chop(text)), Any
    for (name, type) in TYPES
        endswith(text, "_$name") && return Symbol(chop(text, tail = length("_$name"))), type
    end
    return nothing
end

function captured!(names, pattern)
    bound = slot(pattern)
    bound === nothing || push!(names, first(bound))
    pattern isa Expr && foreach(part -> captured!(names, part), pattern.args)
    return unique!(names)
end

parts(x::Expr) = filter(part -> !(part isa LineNumberNode), x.args)

"A block of one thing is that thing, so that a pattern `name_` can stand for a whole body."
function bare(x)
    x isa Expr || return x
    args = map(bare, parts(x))
    x.head === :block && length(args) == 1 && return args[1]
    return Expr(x.head, args...)
end

function match!(found, pattern, x)
    bound = slot(pattern)
    if bound !== nothing
        name, type = bound
        x isa type || return false
        haskey(found, name) && return found[name] == x
        found[name] = x
        return true
    end
    pattern isa Expr || return pattern == x
    x isa Expr && x.head === pattern.head || return false
    return match_all!(found, pattern.args, parts(x))
end


function match_all!(found, patterns, xs)
    rest = isempty(patterns) ? nothing : slot(last(patterns))
    if rest !== nothing && last(rest) === Vector
        n = length(patterns) - 1
        length(xs) >= n || return false
        found[first(rest)] = Any[xs[n+1:end]...]
        patterns, xs = patterns[1:n], xs[1:n]
    end
    length(patterns) == length(xs) || return false
    return all(match!(found, p, x) for (p, x) in zip(patterns, xs))
end

end
