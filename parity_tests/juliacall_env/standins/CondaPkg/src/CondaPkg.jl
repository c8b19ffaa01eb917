"""
Named by PythonCall, which asks it for a Python only where Julia is the host.

Stands in for the registered package of this name.
"""
module CondaPkg end
