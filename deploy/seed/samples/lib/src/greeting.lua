-- The shared library's example: require "greeting" gives this function.
return function(name)
    return "hello, " .. name
end
