// The tests of StackStorm's environment ("is defined").
#pragma once

#include <string_view>

#include "expr/jinja/arguments.hpp"
#include "expr/jinja/runtime.hpp"

namespace squall::expr::jinja {

struct Test {
  std::string_view name;
  Signature signature;
  Result<bool> (*run)(Runtime& rt, const Bound& arguments);
};

// Null for an unknown name.
const Test* find_test(std::string_view name);
Result<bool> run_test(Runtime& rt, const Test& test, const Value& input, const CallArguments& arguments);

}  // namespace squall::expr::jinja
