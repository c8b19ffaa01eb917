"""
Required by name when juliacall starts; Debian's Julia finds these libraries by itself.

Stands in for the registered package of this name.
"""
module CompilerSupportLibraries_jll end
