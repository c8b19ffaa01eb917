"""
Named by PythonCall, which adds methods to these functions; never called by the tests.

Stands in for the registered package of this name.
"""
module Tables

function istable end
function columnaccess end
function columns end
function rows end
function columnnames end
function getcolumn end

end
