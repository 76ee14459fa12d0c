# frozen_string_literal: true

require "minitest"
require_relative "testing"
require_relative "testing/assertions"

Minitest::Test.class_eval { include EVGearman::Testing::Assertions }
