// Functions that a host brings into expressions: st2kv(), task() and the like.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "expr/expr.hpp"
#include "value/value.hpp"

namespace squall::expr {

// A parameter as Python would declare it.
struct HostParameter {
  std::string name;
  bool required = true;
  Value fallback;  // what an optional parameter is when left out
};

// A function with named parameters, callable from Jinja and from YAQL. Arguments come as plain data, one for each
// parameter, in order. Immutable; `body` must be safe to call from any thread that evaluates.
class HostFunction final : public Callable {
 public:
  using Body = std::function<Result<Value>(const List& arguments)>;
  HostFunction(std::string name, std::vector<HostParameter> parameters, Body body);

  // As messages name it: the hosts' functions are partial objects in Orquesta.
  std::string_view type_name() const override { return "functools.partial"; }
  const std::string& name() const { return name_; }
  const std::vector<HostParameter>& parameters() const { return parameters_; }
  const Body& body() const { return body_; }

  // Binds arguments as Python does. "TypeError" with CPython's words when they do not fit.
  Result<Value> call(const List& arguments, const Dict& keyword_arguments) const override;

 private:
  std::string name_;
  std::vector<HostParameter> parameters_;
  Body body_;
};

}  // namespace squall::expr
