"""
Pointers to structs whose fields are reached by name.

Stands in for the registered package of this name, as far as PythonCall uses it.
"""
module UnsafePointers

export UnsafePtr

"""
    UnsafePtr{T}(address)
    UnsafePtr(address::Ptr{T})

An address of a `T`. Nothing is checked: the caller vouches for the address.

- `p.name` is an `UnsafePtr` to the field `name`.
- `p[]` is the value, a pointer among them wrapped again; `p[!]` is the value as it is.
- `p[] = x` stores `x`; `p[i]` is the value of the `i`-th of consecutive `T`, from 1.
"""
struct UnsafePtr{T}
    address::Ptr{T}
    UnsafePtr{T}(address::Ptr) where {T} = new{T}(Ptr{T}(address))
end

UnsafePtr(address::Ptr{T}) where {T} = UnsafePtr{T}(address)

address(p::UnsafePtr) = getfield(p, :address)
wrapped(x) = x
wrapped(x::Ptr) = UnsafePtr(x)

Base.getindex(p::UnsafePtr) = wrapped(p[!])
Base.getindex(p::UnsafePtr, ::typeof(!)) = unsafe_load(address(p))
Base.getindex(p::UnsafePtr, i::Integer) = wrapped(unsafe_load(address(p), i))
Base.setindex!(p::UnsafePtr{T}, x) where {T} = (unsafe_store!(address(p), convert(T, x)); p)

Base.propertynames(::UnsafePtr{T}) where {T} = fieldnames(T)

@generated function field(p::UnsafePtr{T}, ::Val{name}) where {T,name}
    i = findfirst(==(name), fieldnames(T))
    i === nothing && return :(error($("$T has no field $name")))
    :(UnsafePtr{$(fieldtype(T, i))}(address(p) + $(fieldoffset(T, i))))
end
Base.getproperty(p::UnsafePtr, name::Symbol) = field(p, Val(name))

Base.:(==)(p::UnsafePtr, q::UnsafePtr) = address(p) == address(q)
Base.:(==)(p::UnsafePtr, q::Ptr) = address(p) == q
Base.:(==)(p::Ptr, q::UnsafePtr) = p == address(q)

(::Type{P})(p::UnsafePtr) where {P<:Ptr} = P(address(p))
Base.convert(::Type{P}, p::UnsafePtr) where {P<:Ptr} = P(address(p))
Base.unsafe_convert(::Type{P}, p::UnsafePtr) where {P<:Ptr} = P(address(p))
Base.String(p::UnsafePtr{<:Union{Int8,UInt8}}) = unsafe_string(Ptr{UInt8}(address(p)))

end
