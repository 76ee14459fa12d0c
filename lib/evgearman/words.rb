# frozen_string_literal: true

module EVGearman
  # What is printed of that which others say.
  #
  # @api private
  module Words
    # Bytes of it.
    LONGEST = 1000

    module_function

    # Whatever a peer said: it is valid, not endless, and begins no line of its own.
    #
    # @return [String]
    def one_line(text)
      text.to_s.b[0, LONGEST].force_encoding(Encoding::UTF_8).scrub("?").gsub(/[[:cntrl:]]/) { |char| char.dump[1..-2] }
    end

    # What an object shows of itself. Debuggers and Ruby's own messages ask for it at any time, so this never raises: also
    # not for an object that is half made.
    #
    # @yieldreturn [Array] what there is to know; nil is left out
    # @return [String] "#<EVGearman::Task reverse H:1 created>"
    def show(object)
      "#<#{[object.class, *yield.compact.map { |word| one_line(word) }].join(" ")}>"
    rescue StandardError
      Kernel.instance_method(:to_s).bind_call(object)
    end
  end
end
