// Walks the tree of a template: one render.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expr/jinja/analysis.hpp"
#include "expr/jinja/ast.hpp"
#include "expr/jinja/runtime.hpp"

namespace squall::expr::jinja {

// The names that one block of the template defines. Macros keep the frame they were made in, and read it when they run.
struct Frame {
  explicit Frame(std::shared_ptr<Frame> outer) : parent(std::move(outer)) {}
  std::shared_ptr<Frame> parent;
  std::vector<std::pair<std::string_view, Value>> names;  // the texts belong to the tree

  void set(std::string_view name, Value value);
  // Here or in a frame around; null when in none.
  const Value* find(std::string_view name) const;
};
using FramePtr = std::shared_ptr<Frame>;

class LoopContext;
class Namespace;

// Lives for one render. Not to be copied: macros point to it.
class Evaluator {
 public:
  // Both outlive it.
  Evaluator(Runtime& rt, const Body& program, const HiddenNames* hidden = nullptr);
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  Result<std::string> render();
  // One expression apart from any template.
  Result<Value> evaluate(const Expr& expr) { return eval(expr, root_); }
  // While compiling, where an infinite number is a number like any other.
  Result<Value> evaluate_constant(const Expr& expr) {
    compiling_ = true;
    return eval(expr, root_);
  }

  // For the callables that the template itself defines.
  Result<Value> call_macro(const MacroStmt& macro, const FramePtr& closure, CallArguments arguments);
  Result<Value> render_block(const BlockStmt& block);
  Result<Value> recurse(const ForStmt& loop, const FramePtr& frame, const Value& iterable, int64_t depth);
  const BlockStmt* find_block(std::string_view name) const;

 private:
  // --- Statements (evaluator.cpp)
  Status run(const Body& body, const FramePtr& frame);
  // A new frame for `body`, with the names that it hides.
  FramePtr new_frame(const Body& body, const FramePtr& outer);
  void hide(const Body& body, Frame& frame);
  Status run(const Stmt& stmt, const FramePtr& frame);
  Status run_output(const OutputStmt& stmt, const FramePtr& frame);
  Status run_for(const ForStmt& loop, const FramePtr& frame);
  Status run_loop(const ForStmt& loop, const FramePtr& frame, const Value& iterable, int64_t depth);
  Status run_if(const IfStmt& stmt, const FramePtr& frame);
  Status run_with(const WithStmt& stmt, const FramePtr& frame);
  Status run_set_block(const SetBlockStmt& stmt, const FramePtr& frame);
  Status run_call_block(const CallBlockStmt& stmt, const FramePtr& frame);
  Status run_filter_block(const FilterBlockStmt& stmt, const FramePtr& frame);
  Status run_autoescape(const AutoescapeStmt& stmt, const FramePtr& frame);
  Status run_load(const LoadStmt& stmt, const FramePtr& frame);
  Status append(std::string_view text);
  // The text that a body makes, apart from the output.
  Result<std::string> capture(const Body& body, const FramePtr& frame);
  Value captured(std::string text) const;
  Value make_macro(const MacroStmt& macro, const FramePtr& frame);
  FramePtr owned(const FramePtr& frame);
  Result<Cursor> filtered(const ForStmt& loop, const FramePtr& frame, const Value& iterable);

  Status check_target(const Expr& target, const FramePtr& frame);
  Result<const Namespace*> namespace_of(const NamespaceRefExpr& reference, const FramePtr& frame);
  Status assign(const Expr& target, const Value& value, const FramePtr& frame);
  Status unpack(const SequenceExpr& targets, const Value& value, const FramePtr& frame);

  // --- Expressions (evaluator_expressions.cpp)
  Result<Value> eval(const Expr& expr, const FramePtr& frame);
  Result<Value> eval_inner(const Expr& expr, const FramePtr& frame);
  Result<Value> eval_name(const NameExpr& expr, const FramePtr& frame);
  Result<Value> eval_sequence(const SequenceExpr& expr, const FramePtr& frame);
  Result<Value> eval_concat(const SequenceExpr& expr, const FramePtr& frame);
  Result<Value> eval_dict(const DictExpr& expr, const FramePtr& frame);
  Result<Value> eval_getattr(const GetattrExpr& expr, const FramePtr& frame);
  Result<Value> eval_unary(const UnaryExpr& expr, const FramePtr& frame);
  Result<Value> eval_binary(const BinaryExpr& expr, const FramePtr& frame);
  Result<Value> eval_logic(const BinaryExpr& expr, const FramePtr& frame);
  Result<Value> eval_condition(const ConditionExpr& expr, const FramePtr& frame);
  Result<Value> eval_getitem(const GetitemExpr& expr, const FramePtr& frame);
  Result<Value> eval_call(const CallExpr& expr, const FramePtr& frame, const Value* caller);
  Result<Value> eval_filter(const FilterExpr& expr, const FramePtr& frame, const Value* block_text);
  Result<Value> eval_test(const TestExpr& expr, const FramePtr& frame);
  Result<Value> eval_compare(const CompareExpr& expr, const FramePtr& frame);
  // `caller`: what {% call %} passes, after the keywords and before those of **more.
  Result<CallArguments> eval_arguments(const CallSyntax& syntax, const FramePtr& frame, const Value* caller = nullptr);
  Result<Value> eval_optional(const ExprPtr& expr, const FramePtr& frame);

  Runtime& rt_;
  const Body& program_;
  const HiddenNames* hidden_;  // null: none
  Frame root_frame_{nullptr};
  FramePtr root_;  // root_frame_, which lives as long as everything that runs in it
  bool compiling_ = false;
  std::string out_;
  std::map<std::string, const BlockStmt*, std::less<>> blocks_;
  std::vector<FramePtr> captured_frames_;  // that a macro refers to, until the end of the render
};

}  // namespace squall::expr::jinja
