// range, dict, namespace, cycler, joiner, lipsum.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "expr/jinja/objects.hpp"

namespace squall::expr::jinja {

// Null when there is no global of that name.
const Value* find_global(std::string_view name);

// namespace(...): names that {% set ns.name = ... %} may change.
class Namespace final : public PyObject {
 public:
  explicit Namespace(Dict names) : names_(std::move(names)) {}
  std::string_view type_name() const override { return "Namespace"; }
  std::string_view module() const override { return "jinja2.utils"; }
  Result<std::string> show(Runtime& rt) const override;
  Result<std::optional<Value>> attribute(Runtime& rt, std::string_view name) const override;
  void forget() const override { names_ = Dict(); }
  void set(std::string_view name, Value value) const { names_.set(name, std::move(value)); }

 private:
  mutable Dict names_;
};

}  // namespace squall::expr::jinja
