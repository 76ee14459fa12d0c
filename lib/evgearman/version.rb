# frozen_string_literal: true

module EVGearman
  VERSION = "0.1.0"
end
