#include <cmath>

#include "expr/jinja/evaluator.hpp"
#include "expr/jinja/globals.hpp"
#include "expr/jinja/methods.hpp"
#include "expr/jinja/template_objects.hpp"
#include "expr/python/text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;

namespace {

const CallArguments kNoArguments;

}  // namespace

Result<Value> Evaluator::eval(const Expr& expr, const FramePtr& frame) {
  if (expr.kind == ExprKind::kConst) {
    const Value& value = static_cast<const ConstExpr&>(expr).value;
    // Compiled templates are Python's source text, where an infinite number is a name that nobody defined.
    if (value.is_double() && std::isinf(value.as_double()) && !compiling_)
      return raise("NameError", "name 'inf' is not defined");
    return value;
  }
  SQ_CHECK(rt_.enter(1));
  Result<Value> value = eval_inner(expr, frame);
  rt_.leave(1);
  if (!value) return fail(value.error().at(SourcePosition{"", expr.place.line, expr.place.column}));
  return value;
}

// Kept small: it stands on the stack once for each level of an expression.
Result<Value> Evaluator::eval_inner(const Expr& expr, const FramePtr& frame) {
  switch (expr.kind) {
    case ExprKind::kConst: return static_cast<const ConstExpr&>(expr).value;
    case ExprKind::kName: return eval_name(static_cast<const NameExpr&>(expr), frame);
    case ExprKind::kTuple:
    case ExprKind::kList: return eval_sequence(static_cast<const SequenceExpr&>(expr), frame);
    case ExprKind::kConcat: return eval_concat(static_cast<const SequenceExpr&>(expr), frame);
    case ExprKind::kDict: return eval_dict(static_cast<const DictExpr&>(expr), frame);
    case ExprKind::kGetattr: return eval_getattr(static_cast<const GetattrExpr&>(expr), frame);
    case ExprKind::kGetitem: return eval_getitem(static_cast<const GetitemExpr&>(expr), frame);
    case ExprKind::kCall: return eval_call(static_cast<const CallExpr&>(expr), frame, nullptr);
    case ExprKind::kFilter: return eval_filter(static_cast<const FilterExpr&>(expr), frame, nullptr);
    case ExprKind::kTest: return eval_test(static_cast<const TestExpr&>(expr), frame);
    case ExprKind::kNot:
    case ExprKind::kNegate:
    case ExprKind::kPositive: return eval_unary(static_cast<const UnaryExpr&>(expr), frame);
    case ExprKind::kBinary: return eval_binary(static_cast<const BinaryExpr&>(expr), frame);
    case ExprKind::kAnd:
    case ExprKind::kOr: return eval_logic(static_cast<const BinaryExpr&>(expr), frame);
    case ExprKind::kCompare: return eval_compare(static_cast<const CompareExpr&>(expr), frame);
    case ExprKind::kCondition: return eval_condition(static_cast<const ConditionExpr&>(expr), frame);
    case ExprKind::kSlice:
    case ExprKind::kNamespaceRef: break;
  }
  return raise("TemplateRuntimeError", "a slice or an assignment target has no value");
}

Result<Value> Evaluator::eval_getattr(const GetattrExpr& expr, const FramePtr& frame) {
  SQ_TRY(const Value object, eval(*expr.object, frame));
  return rt_.get_attribute(object, expr.name);
}

Result<Value> Evaluator::eval_unary(const UnaryExpr& expr, const FramePtr& frame) {
  SQ_TRY(const Value operand, eval(*expr.operand, frame));
  if (expr.kind == ExprKind::kNegate) return rt_.negate(operand);
  if (expr.kind == ExprKind::kPositive) return rt_.positive(operand);
  SQ_TRY(const bool truth, rt_.truthy(operand));
  return Value(!truth);
}

Result<Value> Evaluator::eval_binary(const BinaryExpr& expr, const FramePtr& frame) {
  SQ_TRY(const Value left, eval(*expr.left, frame));
  SQ_TRY(const Value right, eval(*expr.right, frame));
  return rt_.binary(expr.op, left, right);
}

Result<Value> Evaluator::eval_logic(const BinaryExpr& expr, const FramePtr& frame) {
  SQ_TRY(Value left, eval(*expr.left, frame));
  SQ_TRY(const bool truth, rt_.truthy(left));
  if (truth == (expr.kind == ExprKind::kOr)) return left;
  return eval(*expr.right, frame);
}

Result<Value> Evaluator::eval_condition(const ConditionExpr& expr, const FramePtr& frame) {
  SQ_TRY(const Value test, eval(*expr.test, frame));
  SQ_TRY(const bool truth, rt_.truthy(test));
  if (truth) return eval(*expr.then, frame);
  if (expr.otherwise) return eval(*expr.otherwise, frame);
  // Without an else it is always the lenient kind.
  return make_undefined(UndefinedKind::kLenient, "the inline if-expression on line " + std::to_string(expr.place.line) +
                                                     " evaluated to false and no else section was defined.");
}

Result<Value> Evaluator::eval_optional(const ExprPtr& expr, const FramePtr& frame) {
  if (expr == nullptr) return Value();
  return eval(*expr, frame);
}

Result<Value> Evaluator::eval_name(const NameExpr& expr, const FramePtr& frame) {
  if (const Value* found = frame->find(expr.name)) return *found;
  if (const Value* found = rt_.scope().find(expr.name)) return *found;
  if (const Value* found = find_global(expr.name)) return *found;
  if (expr.name == "self") return make_object<TemplateReference>(*this);
  return rt_.undefined_name(expr.name);
}

Result<Value> Evaluator::eval_sequence(const SequenceExpr& expr, const FramePtr& frame) {
  List items;
  items.reserve(expr.items.size());
  for (const ExprPtr& item : expr.items) {
    SQ_TRY(Value value, eval(*item, frame));
    items.push_back(std::move(value));
  }
  return expr.kind == ExprKind::kList ? Value(std::move(items)) : Value::tuple(std::move(items));
}

Result<Value> Evaluator::eval_concat(const SequenceExpr& expr, const FramePtr& frame) {
  std::vector<Value> parts;
  bool markup = false;
  for (const ExprPtr& item : expr.items) {
    SQ_TRY(Value value, eval(*item, frame));
    markup = markup || value.kind() == Kind::kMarkup;
    parts.push_back(std::move(value));
  }
  // Without autoescaping everything is plain text, Markup too.
  markup = markup && rt_.autoescape;
  std::string text;
  for (const Value& part : parts) {
    SQ_TRY(const std::string shown, rt_.str(part));
    SQ_CHECK(rt_.charge_text(text.size() + shown.size()));
    text += markup && part.kind() != Kind::kMarkup ? py::html_escape(shown) : shown;
  }
  return markup ? Value::markup(std::move(text)) : Value(std::move(text));
}

Result<Value> Evaluator::eval_dict(const DictExpr& expr, const FramePtr& frame) {
  Mapping::Entries entries;
  for (const auto& [key_expr, value_expr] : expr.items) {
    SQ_TRY(Value key, eval(*key_expr, frame));
    SQ_TRY(Value value, eval(*value_expr, frame));
    entries.emplace_back(std::move(key), std::move(value));
  }
  return dict_of(rt_, entries);
}

Result<Value> Evaluator::eval_getitem(const GetitemExpr& expr, const FramePtr& frame) {
  SQ_TRY(const Value object, eval(*expr.object, frame));
  if (expr.key->kind == ExprKind::kSlice) {
    const auto& slice = static_cast<const SliceExpr&>(*expr.key);
    SQ_TRY(const Value start, eval_optional(slice.start, frame));
    SQ_TRY(const Value stop, eval_optional(slice.stop, frame));
    SQ_TRY(const Value step, eval_optional(slice.step, frame));
    return rt_.get_slice(object, start, stop, step);
  }
  SQ_TRY(const Value key, eval(*expr.key, frame));
  return rt_.get_item(object, key);
}

Result<CallArguments> Evaluator::eval_arguments(const CallSyntax& syntax, const FramePtr& frame, const Value* caller) {
  CallArguments arguments;
  arguments.positional.reserve(syntax.positional.size());
  for (const ExprPtr& expr : syntax.positional) {
    SQ_TRY(Value value, eval(*expr, frame));
    arguments.positional.push_back(std::move(value));
  }
  if (syntax.more_positional) {
    SQ_TRY(const Value more, eval(*syntax.more_positional, frame));
    SQ_TRY(const List items, rt_.to_list(more));
    arguments.positional.insert(arguments.positional.end(), items.begin(), items.end());
  }
  for (const auto& [name, expr] : syntax.keyword) {
    if (arguments.keyword.find(name) != nullptr) {
      // Python's compiler refuses it for Jinja.
      return raise("SyntaxError", "keyword argument repeated: " + name);
    }
    SQ_TRY(Value value, eval(*expr, frame));
    arguments.keyword.set(name, std::move(value));
  }
  if (caller != nullptr) arguments.keyword.set("caller", *caller);
  if (syntax.more_keyword) {
    SQ_TRY(const Value more, eval(*syntax.more_keyword, frame));
    if (is_undefined(more)) return raise_undefined(more);
    if (!rt_.is_mapping(more)) {
      return type_error("argument after ** must be a mapping, not " + std::string(rt_.type_name(more)));
    }
    for (const auto& [key, value] : dict_entries(rt_.resolve(more))) {
      if (!key.is_string()) return type_error("keywords must be strings");
      if (arguments.keyword.find(key.as_string()) != nullptr) {
        return type_error("jinja2.sandbox.SandboxedEnvironment.call() got multiple values for keyword argument " +
                          python::repr(key));
      }
      arguments.keyword.set(key.as_string(), value);
    }
  }
  return arguments;
}

Result<Value> Evaluator::eval_call(const CallExpr& expr, const FramePtr& frame, const Value* caller) {
  const bool is_member = expr.callee->kind == ExprKind::kGetattr;
  Value callee;
  if (is_member) {
    SQ_TRY(callee, eval(*static_cast<const GetattrExpr&>(*expr.callee).object, frame));
  } else {
    SQ_TRY(callee, eval(*expr.callee, frame));
  }
  const std::string_view member = is_member ? static_cast<const GetattrExpr&>(*expr.callee).name : std::string_view();
  // Python looks the member up before it evaluates the arguments.
  const bool is_method = is_member && find_method(rt_.resolve(callee), member) != nullptr;
  if (is_member && !is_method) {
    SQ_TRY(callee, rt_.get_attribute(callee, member));
  }
  SQ_TRY(CallArguments arguments, eval_arguments(expr.arguments, frame, caller));
  if (is_method) return *rt_.call_method(callee, member, arguments);
  return rt_.call(callee, std::move(arguments));
}

Result<Value> Evaluator::eval_filter(const FilterExpr& expr, const FramePtr& frame, const Value* block_text) {
  Value input;
  if (expr.input == nullptr) {
    input = *block_text;
  } else if (block_text != nullptr) {
    SQ_TRY(input, eval_filter(static_cast<const FilterExpr&>(*expr.input), frame, block_text));
  } else {
    SQ_TRY(input, eval(*expr.input, frame));
  }
  if (expr.filter != nullptr && expr.arguments.empty()) return run_filter(rt_, *expr.filter, input, kNoArguments);
  SQ_TRY(const CallArguments arguments, eval_arguments(expr.arguments, frame));
  if (expr.filter == nullptr) {
    return raise("TemplateRuntimeError", "No filter named " + python::repr(Value(expr.name)) + " found.");
  }
  return run_filter(rt_, *expr.filter, input, arguments);
}

Result<Value> Evaluator::eval_test(const TestExpr& expr, const FramePtr& frame) {
  SQ_TRY(const Value input, eval(*expr.input, frame));
  if (expr.test != nullptr && expr.arguments.empty()) {
    SQ_TRY(const bool truth, run_test(rt_, *expr.test, input, kNoArguments));
    return Value(truth);
  }
  SQ_TRY(const CallArguments arguments, eval_arguments(expr.arguments, frame));
  if (expr.test == nullptr) {
    return raise("TemplateRuntimeError", "No test named " + python::repr(Value(expr.name)) + " found.");
  }
  SQ_TRY(const bool truth, run_test(rt_, *expr.test, input, arguments));
  return Value(truth);
}

Result<Value> Evaluator::eval_compare(const CompareExpr& expr, const FramePtr& frame) {
  SQ_TRY(Value left, eval(*expr.first, frame));
  for (const auto& [op, operand] : expr.rest) {
    SQ_TRY(Value right, eval(*operand, frame));
    SQ_TRY(const bool truth, rt_.compare(op, left, right));
    if (!truth) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

}  // namespace squall::expr::jinja
