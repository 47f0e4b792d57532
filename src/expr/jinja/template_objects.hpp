// The objects that a template itself brings forth: loops, macros, namespaces.
#pragma once

#include <string>

#include "expr/jinja/evaluator.hpp"
#include "expr/jinja/objects.hpp"

namespace squall::expr::jinja {

// "loop" inside a for: where it stands, and for a recursive loop the loop itself.
class LoopContext final : public PyObject, public std::enable_shared_from_this<LoopContext> {
 public:
  LoopContext(Evaluator& evaluator, const ForStmt& loop, const FramePtr& frame, Value iterable, Cursor cursor,
              int64_t depth0)
      : evaluator_(evaluator),
        loop_(loop),
        frame_(frame),
        iterable_(std::move(iterable)),
        cursor_(std::move(cursor)),
        depth0_(depth0) {}

  std::string_view type_name() const override { return "LoopContext"; }
  std::string_view module() const override { return "jinja2.runtime"; }
  Result<std::string> show(Runtime& rt) const override;
  Result<std::optional<Value>> attribute(Runtime& rt, std::string_view name) const override;
  bool is_callable() const override { return true; }
  Result<Value> call(Runtime& rt, CallArguments arguments) const override;

  void forget() const override;

  // Moves on to the next element; false at the end.
  Result<bool> advance(Value& out) const;

 private:
  Result<int64_t> count(Runtime& rt) const;
  // Reads one element ahead; false when there is none.
  Result<bool> peek() const;
  Value member_function(std::string_view name) const;
  Result<Value> cycle(const List& arguments) const;
  Result<Value> changed(Runtime& rt, const List& arguments) const;

  Evaluator& evaluator_;
  const ForStmt& loop_;
  std::weak_ptr<Frame> frame_;  // around the loop, alive as long as the loop runs
  Value iterable_;
  mutable Cursor cursor_;
  int64_t depth0_;
  mutable int64_t index0_ = -1;
  mutable std::optional<int64_t> length_;
  mutable std::optional<Value> before_, current_, after_;
  mutable std::optional<Value> last_changed_;
};

class Macro final : public PyObject {
 public:
  Macro(Evaluator& evaluator, const MacroStmt& macro, const FramePtr& closure)
      : evaluator_(evaluator), macro_(macro), closure_(closure) {}
  std::string_view type_name() const override { return "Macro"; }
  std::string_view module() const override { return "jinja2.runtime"; }
  Result<std::string> show(Runtime& rt) const override;
  Result<std::optional<Value>> attribute(Runtime& rt, std::string_view name) const override;
  bool is_callable() const override { return true; }
  Result<Value> call(Runtime& rt, CallArguments arguments) const override;

 private:
  Evaluator& evaluator_;
  const MacroStmt& macro_;
  std::weak_ptr<Frame> closure_;  // kept by the evaluator; owning it here would make a ring
};

// "self": its members are the blocks of the template.
class TemplateReference final : public PyObject {
 public:
  explicit TemplateReference(Evaluator& evaluator) : evaluator_(evaluator) {}
  std::string_view type_name() const override { return "TemplateReference"; }
  std::string_view module() const override { return "jinja2.runtime"; }
  Result<std::string> show(Runtime&) const override { return std::string("<TemplateReference None>"); }
  Result<std::optional<Value>> attribute(Runtime& rt, std::string_view name) const override;

 private:
  Evaluator& evaluator_;
};

}  // namespace squall::expr::jinja
