// Walks the tree. Operators whose meaning the resolution of calls cannot change take a short way; all others go through
// Runtime::call().
#include "expr/python/numbers.hpp"
#include "expr/yaql/lexer.hpp"
#include "expr/yaql/nested.hpp"
#include "expr/yaql/runtime.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

std::string Context::repr() const { return "<yaql.language.contexts.Context object at 0x7f0000000000>"; }

void Context::set(std::string_view name, Value value) {
  while (name.starts_with('$')) name.remove_prefix(1);
  if (name.empty()) name = "1";
  for (auto& [known, old] : names) {
    if (known != name) continue;
    old = std::move(value);
    return;
  }
  names.emplace_back(name, std::move(value));
}

const Value* Context::find(std::string_view name) const {
  for (const Context* context = this; context != nullptr; context = context->parent.get()) {
    for (const auto& [known, value] : context->names) {
      // An argument left out is no value: yaql looks for one further out.
      if (known == name && as<NoValue>(value) == nullptr) return &value;
    }
  }
  return nullptr;
}

Runtime::Runtime(const YaqlScope& scope) : scope_(scope), root_(std::make_shared<Context>(nullptr)) {
  if (!scope.data.is_null()) root_->set("1", scope.data);
  if (!scope.variables.is_dict()) return;
  for (const auto& [name, value] : scope.variables.as_dict()) root_->set(name, value);
}

Runtime::~Runtime() {
  for (const ContextPtr& context : tracked_) {
    context->functions.clear();
    context->names.clear();
  }
}

Result<Value> Runtime::run(const Program& program, std::string* shown) {
  source_ = &program.text;
  SQ_TRY(const Value result, eval(*program.root, nullptr, root_));
  // The mark for a missing argument is no value that could leave an expression: "coalesce(, null)".
  if (as<NoValue>(result) != nullptr) {
    return py::raise("NoMatchingFunctionException", "No function \"#finalize\" matches supplied arguments");
  }
  if (shown == nullptr) return to_output(result);
  SQ_TRY(const Value output, convert_output(result));
  shown->clear();
  if (is_text(output)) {
    *shown = output.as_string();
  } else if (output.kind() == Kind::kDateTime || output.kind() == Kind::kDate || output.kind() == Kind::kTimeDelta) {
    *shown = python::str(output);
  } else {
    SQ_CHECK(append_output(*shown, output, 0));
  }
  return to_output(output);
}

Status Runtime::charge(uint64_t steps) {
  steps_ += steps;
  if (steps_ <= kStepsMax) return {};
  return py::limit_error("expression takes more than " + std::to_string(kStepsMax) + " steps (kStepsMax)");
}

Status Runtime::charge_text(size_t bytes) {
  text_bytes_ += bytes;
  if (bytes <= kTextBytesMax && text_bytes_ <= kTextBytesMax) return {};
  return py::limit_error("expression makes more than " + std::to_string(kTextBytesMax) +
                         " bytes of text (kTextBytesMax)");
}

Status Runtime::charge_elements(size_t count) {
  elements_ += count;
  if (count <= kElementsMax && elements_ <= kElementsMax) return {};
  return py::limit_error("expression makes more than " + std::to_string(kElementsMax) + " elements (kElementsMax)");
}

Result<Nested> Nested::enter(Runtime& rt) {
  if (rt.depth_ >= kDepthMax) {
    return py::limit_error("expression calls deeper than " + std::to_string(kDepthMax) + " levels (kDepthMax)");
  }
  ++rt.depth_;
  return Nested(rt);
}

Nested::~Nested() {
  if (rt_ != nullptr) --rt_->depth_;
}

Result<Value> Runtime::eval(const Node& node, const Value* receiver, const ContextPtr& context) {
  switch (node.kind) {
    case NodeKind::kConstant:
    case NodeKind::kKeyword: return node.value;
    case NodeKind::kVariable: {
      const Value* found = context->find(node.name);
      return found != nullptr ? *found : Value();
    }
    default: break;
  }
  SQ_CHECK(charge());
  SQ_TRY(const Nested nested, Nested::enter(*this));
  Result<Value> result = eval_inner(node, receiver, context);
  if (!result && !result.error().where().known()) return fail(result.error().at(Lexer(*source_).where(node.position)));
  return result;
}

Result<Value> Runtime::eval_inner(const Node& node, const Value* receiver, const ContextPtr& context) {
  switch (node.kind) {
    case NodeKind::kWrap: return eval(*node.args[0], receiver, context);
    case NodeKind::kMapping: {
      SQ_TRY(Value source, eval(*node.args[0], receiver, context));
      SQ_TRY(Value destination, eval(*node.args[1], receiver, context));
      return make<MappingRule>(std::move(source), std::move(destination));
    }
    case NodeKind::kList:
      if (node.plain_args) return eval_list(node, context);
      break;
    case NodeKind::kBinary:
      if (node.name == "#operator_.") return eval_dot(node, context, false);
      if (node.name == "#operator_?.") return eval_dot(node, context, true);
      if (node.name == "#operator_and") return eval_logic(node, context, true);
      if (node.name == "#operator_or") return eval_logic(node, context, false);
      if (node.name == "#operator_->") return eval_send(node, context);
      break;
    default: break;
  }
  return eval_call(node, receiver, context);
}

Result<Value> Runtime::eval_list(const Node& node, const ContextPtr& context) {
  List items;
  items.reserve(node.args.size());
  for (const NodePtr& arg : node.args) {
    SQ_TRY(Value item, eval(*arg, nullptr, context));
    items.push_back(std::move(item));
  }
  SQ_CHECK(charge_elements(items.size()));
  return Value::tuple(std::move(items));
}

Result<Value> Runtime::eval_logic(const Node& node, const ContextPtr& context, bool is_and) {
  SQ_TRY(Value left, eval(*node.args[0], nullptr, context));
  SQ_TRY(const bool truth, truthy(left));
  if (truth != is_and) return left;
  return eval(*node.args[1], nullptr, context);
}

// a.f(...) and a.name; anything else to the right of the dot matches no function, whatever `a` is.
Result<Value> Runtime::eval_dot(const Node& node, const ContextPtr& context, bool null_safe) {
  const Node& right = *node.args[1];
  const bool possible = right.kind == NodeKind::kCall || right.kind == NodeKind::kKeyword;
  if (!possible && !null_safe) return no_matching_function("#operator_.");
  SQ_TRY(const Value left, eval(*node.args[0], nullptr, context));
  if (null_safe && left.is_null()) return Value();
  if (!possible) return no_matching_function("#operator_.");
  if (right.kind == NodeKind::kCall) return eval(right, &left, context);
  return member(left, right.value, context);
}

Result<Value> Runtime::member(const Value& object, const Value& name, const ContextPtr& context) {
  if (const auto map = MapRef::of(object)) {
    SQ_TRY(const Value* found, map->find(*this, name));
    if (found == nullptr) return py::raise("KeyError", python::repr(name));
    return *found;
  }
  if (is_iterable(object)) {
    SQ_TRY(Cursor made, iterate(object));
    auto cursor = std::make_shared<Cursor>(std::move(made));
    return make_iterator("map", [cursor, name, context](Runtime& rt, Value& out) -> Result<bool> {
      Value item;
      SQ_TRY(const bool more, cursor->next(rt, item));
      if (!more) return false;
      SQ_TRY(const Nested nested, Nested::enter(rt));
      SQ_TRY(out, rt.member(item, name, context));
      return true;
    });
  }
  Request request;
  const std::string property = "#property#" + std::string(name.as_string());
  request.name = property;
  request.standard = find_functions(property);
  request.args.push_back(Arg::of(object));
  return call(std::move(request), context);
}

// The right side runs in the context that the left side made.
Result<Value> Runtime::eval_send(const Node& node, const ContextPtr& context) {
  if (node.args[0]->is_constant()) return no_matching_function(node.name);
  SQ_TRY(const Value left, eval(*node.args[0], nullptr, context));
  if (as<Context>(left) == nullptr) return no_matching_function(node.name);
  const auto inner = std::const_pointer_cast<Context>(std::static_pointer_cast<const Context>(left.as_object()));
  return eval(*node.args[1], nullptr, inner);
}

// Two numbers need no search for the overload. Nothing when it is another case; the values are kept for it.
std::optional<Result<Value>> Runtime::eval_numbers(const Node& node, const ContextPtr& context, Value (&values)[2]) {
  for (size_t i = 0; i < 2; ++i) {
    Result<Value> side = eval(*node.args[i], nullptr, context);
    if (!side) return Result<Value>(tl::unexpected<Error>(std::move(side).error()));
    values[i] = *std::move(side);
  }
  const auto is_small = [](const Value& value) { return value.kind() == Kind::kInt; };
  if (!is_small(values[0]) || !is_small(values[1])) return std::nullopt;
  const int64_t a = values[0].as_int();
  const int64_t b = values[1].as_int();
  const std::string_view op = std::string_view(node.name).substr(node.name.find('_') + 1);
  int64_t result = 0;
  if (op == "+" && !__builtin_add_overflow(a, b, &result)) return Result<Value>(Value(result));
  if (op == "-" && !__builtin_sub_overflow(a, b, &result)) return Result<Value>(Value(result));
  if (op == "*" && !__builtin_mul_overflow(a, b, &result)) return Result<Value>(Value(result));
  if (op == ">") return Result<Value>(Value(a > b));
  if (op == "<") return Result<Value>(Value(a < b));
  if (op == ">=") return Result<Value>(Value(a >= b));
  if (op == "<=") return Result<Value>(Value(a <= b));
  return std::nullopt;
}

namespace {

// Which sides of a binary operator can be evaluated at once: no constant that might rule out every overload before the
// other side is looked at. A number rules out none that would take another number.
bool is_simple_operand(const Node& node) { return !node.is_constant() || node.value.kind() == Kind::kInt; }

}  // namespace

Result<Value> Runtime::eval_call(const Node& node, const Value* receiver, const ContextPtr& context) {
  Request request;
  request.name = node.name;
  request.standard = receiver != nullptr ? node.methods : node.functions;
  request.receiver = receiver;
  if (node.kind == NodeKind::kBinary && !has_definitions_) {
    if (node.name == "*equal" || node.name == "*not_equal") {
      SQ_TRY(const Value left, eval(*node.args[0], nullptr, context));
      SQ_TRY(const Value right, eval(*node.args[1], nullptr, context));
      SQ_TRY(const bool same, equal(left, right));
      return Value(same == (node.name == "*equal"));
    }
    const bool on_text = node.name.ends_with('~');
    if (!on_text && is_simple_operand(*node.args[0]) && is_simple_operand(*node.args[1])) {
      Value values[2];
      if (auto result = eval_numbers(node, context, values)) return *std::move(result);
      request.args.push_back(Arg::of(std::move(values[0])));
      request.args.push_back(Arg::of(std::move(values[1])));
      return call(std::move(request), context);
    }
  }
  request.args.reserve(node.args.size() + 1);
  for (const NodePtr& arg : node.args) request.args.push_back(Arg::of(arg.get()));
  return call(std::move(request), context);
}

// --- Lambdas
// ----------------------------------------------------------------------------------------------------------

Result<Value> Runtime::call_lambda(const Lambda& lambda, std::initializer_list<Value> arguments) {
  if (lambda.node == nullptr) return lambda.value;
  if (lambda.node->is_constant()) return lambda.node->value;
  const auto context = std::make_shared<Context>(lambda.context);
  context->names.reserve(arguments.size());
  size_t index = 0;
  for (const Value& argument : arguments) context->names.emplace_back(std::to_string(++index), argument);
  return eval(*lambda.node, nullptr, context);
}

Result<Value> Runtime::call_lambda_in(const Lambda& lambda, const ContextPtr& context) {
  if (lambda.node == nullptr) return lambda.value;
  return eval(*lambda.node, nullptr, context);
}

Result<bool> Runtime::test(const Lambda& lambda, const Value& argument) {
  SQ_TRY(const Value result, call_lambda(lambda, {argument}));
  return truthy(result);
}

Result<Value> Runtime::call_operator(std::string_view name, const Value& a, const Value& b, const ContextPtr& context) {
  Request request;
  request.name = name;
  request.standard = find_functions(name);
  request.args.push_back(Arg::of(a));
  request.args.push_back(Arg::of(b));
  return call(std::move(request), context);
}

}  // namespace squall::expr::yaql
