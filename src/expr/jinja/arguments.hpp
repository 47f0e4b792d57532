// Binding of call arguments to parameters, with the words Python has for mistakes.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "expr/jinja/objects.hpp"
#include "value/value.hpp"

namespace squall::expr::jinja {

// Of one function.
inline constexpr size_t kParametersMax = 12;

// The parameters of a function, from a line such as "do_replace: eval_ctx~ s old new count?".
//   name?   may be left out          name~   counts in messages only (Jinja passes it itself)
//   *       the rest is taken as it comes (Bound::rest and Bound::keywords)
// A function whose name has a dot ("str.split") is a method written in C: it takes keywords only for the parameters
// marked name?= and has other words for mistakes. "len!" is a function written in C, which has others again.
class Signature {
 public:
  explicit Signature(std::string_view line);

  struct Parameter {
    std::string name;
    bool optional = false;
    bool keyword = true;
  };
  std::string function;
  std::vector<Parameter> parameters;
  size_t implicit = 0;
  size_t required = 0;
  bool required_first = true;  // as nearly everywhere: no parameter that may be left out stands before one that may not
  bool variadic = false;
  bool is_builtin = false;
  bool is_c_function = false;
};

// Bound arguments; points into the values that were bound.
class Bound {
 public:
  bool has(size_t index) const { return values_[index] != nullptr; }
  // Null when the argument was left out.
  const Value& operator[](size_t index) const;
  // The argument, or what it is when left out.
  const Value& value_or(size_t index, const Value& fallback) const { return has(index) ? *values_[index] : fallback; }

  List rest;      // of a variadic function
  Dict keywords;  // of a variadic function

 private:
  friend Status bind(const Signature& signature, const Value* first, const CallArguments& arguments, Bound& bound);
  std::array<const Value*, kParametersMax> values_{};
};

// `first`, when given, is the first positional argument: the value piped into a filter.
// Both it and `arguments` must outlive `bound`, which has to be new.
Status bind(const Signature& signature, const Value* first, const CallArguments& arguments, Bound& bound);

// A parameter that must be an integer (bool counts), within 64 bits.
Result<int64_t> to_index(const Runtime& rt, const Value& value);

}  // namespace squall::expr::jinja
