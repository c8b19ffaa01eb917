"""
Preferences that are never set: PythonCall then uses its defaults and the environment.

Stands in for the registered package of this name.
"""
module Preferences

export @load_preference

macro load_preference(name, default)
    esc(default)
end

end
