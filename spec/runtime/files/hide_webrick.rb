# frozen_string_literal: true

# As where it is not installed.
module Kernel
  original = method(:require)
  define_method(:require) { |name| name == "webrick" ? raise(LoadError, name) : original.call(name) }
end
