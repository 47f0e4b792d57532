// The pattern of a criterion: a constant, or a Jinja template (stackstorm-features.md I-5).
#pragma once

#include <memory>

#include "base/result.hpp"
#include "expr/expr.hpp"
#include "value/value.hpp"

namespace squall::rules {

// Compiled once, immutable, copyable, thread-safe.
class Pattern {
 public:
  // Never fails: what is wrong with a template shows when it is rendered, as in StackStorm.
  explicit Pattern(Value raw);

  const Value& raw() const { return raw_; }
  // True when no template has to be rendered; then value() is what render() gives.
  bool constant() const { return templates_ == nullptr; }
  const Value& value() const { return constant_; }

  // A text with "{{ }}" is first rendered through `to_complex` and read as JSON, which keeps numbers and lists; if that
  // is no JSON it is rendered as text. Errors are jinja2's or Python's.
  Result<Value> render(const expr::Scope& scope) const;

 private:
  struct Templates;
  Value raw_;
  Value constant_;
  std::shared_ptr<const Templates> templates_;  // shared by the copies of a compiled rule
};

}  // namespace squall::rules
