#include "expr/jinja/orquesta.hpp"

#include <mutex>
#include <optional>
#include <unordered_map>

#include "expr/jinja/analysis.hpp"
#include "expr/jinja/evaluator.hpp"
#include "expr/jinja/filters.hpp"
#include "expr/jinja/parser.hpp"
#include "expr/workflow_functions.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

namespace {

// --- Functions
// --------------------------------------------------------------------------------------------------------

// The context that Orquesta hands to its functions: a dict with __vars, __state, __current_task and __current_item. As
// filters they get the piped value instead.
WorkflowView view_of(const Value& context) {
  return {context["__vars"], context["__state"], context["__current_task"], context["__current_item"]};
}

// The names as the host gave them: plain data, so there is no need to look through all of it at each call.
bool is_of_host(Runtime& rt, const Value& context) {
  const Value* given = rt.scope().find("__vars");
  return given != nullptr && context.is_dict() && context["__vars"].same_storage(*given);
}

Result<WorkflowView> context_of(Runtime& rt, const Value& context) {
  if (is_of_host(rt, context)) return view_of(context);
  SQ_TRY(const Value plain, rt.freeze(context));
  if (plain.is_dict()) return view_of(plain);
  SQ_TRY(const bool truth, rt.truthy(plain));
  if (!truth) return py::raise("ExpressionEvaluationException", "The context is not set.");
  return py::type_error(rt.type_name(plain) == "str"
                            ? "string indices must be integers, not 'str'"
                            : "'" + std::string(rt.type_name(plain)) + "' object is not subscriptable");
}

Result<Value> ctx(Runtime& rt, const Bound& a) {
  SQ_TRY(const WorkflowView view, context_of(rt, a[0]));
  SQ_TRY(const bool has_key, rt.truthy(a[1]));
  if (!has_key) return public_variables(view.variables);
  SQ_TRY(const std::string name, rt.str(a[1]));
  return workflow_variable(view.variables, a[1].is_string() ? std::optional(name) : std::nullopt, name);
}

Result<Value> item(Runtime& rt, const Bound& a) {
  SQ_TRY(const WorkflowView view, context_of(rt, a[0]));
  SQ_TRY(const bool has_key, rt.truthy(a[1]));
  if (!has_key) return view.current_item;
  SQ_TRY(const std::string name, rt.str(a[1]));
  return workflow_item(view.current_item, a[1].is_string() ? std::optional(name) : std::nullopt, name);
}

Result<Value> status(Runtime& rt, const Bound& a) {
  SQ_TRY(const WorkflowView view, context_of(rt, a[0]));
  SQ_TRY(const std::string name, rt.str(a[1]));
  SQ_TRY(const Value route, rt.freeze(a[2]));
  return task_status(view, name, route);
}

template <Result<Value> (*F)(const WorkflowView&)>
Result<Value> of_task(Runtime& rt, const Bound& a) {
  SQ_TRY(const WorkflowView view, context_of(rt, a[0]));
  return F(view);
}

Result<Value> json(Runtime& rt, const Bound& a) {
  if (is_strict_undefined(a[0])) return py::type_error("Given object is not typeof string.");
  if (rt.is_mapping(a[0])) return a[0];
  if (!a[0].is_string() && a[0].kind() != Kind::kMarkup) return py::type_error("Given object is not typeof string.");
  SQ_CHECK(rt.charge(1 + a[0].size() / 64));
  return parse_json(a[0].as_string(), JsonDialect::kPython);
}

Result<Value> zip(Runtime& rt, const Bound& a) {
  if (a.rest.size() == 1) return a.rest[0].is_null() ? Value::empty_list() : a.rest[0];
  std::vector<List> columns;
  size_t rows = 0;
  for (const Value& value : a.rest) {
    List column;
    if (!value.is_null()) {
      SQ_TRY(column, rt.to_list(value));
    }
    rows = std::max(rows, column.size());
    columns.push_back(std::move(column));
  }
  const Value* pad = a.keywords.find("pad");
  SQ_CHECK(rt.charge(rows * columns.size()));
  List all;
  for (size_t row = 0; row < rows; ++row) {
    List items;
    for (const List& column : columns)
      items.push_back(row < column.size() ? column[row] : pad != nullptr ? *pad : Value());
    all.push_back(Value::tuple(std::move(items)));
  }
  return Value(std::move(all));
}

}  // namespace

std::span<const Filter> orquesta_filters() {
  static const Filter kFilters[] = {
      {"ctx", Signature("ctx_: context key?"), ctx, {}},
      {"item", Signature("item_: context key?"), item, {}},
      {"task_status", Signature("task_status_: context task_id route?"), status, {}},
      {"succeeded", Signature("succeeded_: context"), of_task<task_succeeded>, {}},
      {"failed", Signature("failed_: context"), of_task<task_failed>, {}},
      {"completed", Signature("completed_: context"), of_task<task_completed>, {}},
      {"result", Signature("result_: context"), of_task<task_result>, {}},
      {"json", Signature("json_: s"), json, {}},
      {"zip", Signature("zip_: *"), zip, {}},
  };
  return kFilters;
}

namespace {

bool takes_context(const Filter& filter) {
  return !filter.signature.parameters.empty() && filter.signature.parameters[0].name == "context";
}

// Orquesta's functools.partial(function, context).
Value function_value(const Filter& filter) {
  const auto body = [&filter](Runtime& rt, CallArguments arguments) -> Result<Value> {
    SQ_CHECK(rt.charge());
    Value context;
    if (takes_context(filter)) {
      for (const std::string_view name : {"__vars", "__state", "__current_task", "__current_item"}) {
        if (const Value* found = rt.scope().find(name)) context.set(name, *found);
      }
    }
    Bound bound;
    SQ_CHECK(bind(filter.signature, takes_context(filter) ? &context : nullptr, arguments, bound));
    return filter.run(rt, bound);
  };
  return make_object<Function>("function", "<function " + filter.signature.function + " at 0x7f0000000000>", body);
}

}  // namespace

const Value& orquesta_names() {
  static const Value kNames = [] {
    Dict names;
    for (const Filter& filter : orquesta_filters()) {
      names.set(filter.name, function_value(*find_filter(filter.name, Environment::kOrquesta)));
    }
    for (const Filter& filter : st2_filters()) {
      const Filter* found = find_filter(filter.name, Environment::kOrquesta);
      if (found != nullptr) names.set(filter.name, function_value(*found));
    }
    for (const auto& [alias, name] : kOrquestaAliases)
      names.set(alias, function_value(*find_filter(name, Environment::kOrquesta)));
    return Value(std::move(names));
  }();
  return kNames;
}

// --- Evaluation
// -------------------------------------------------------------------------------------------------------

namespace {

// What a cache keeps: a tree that never changes, or the error that it is not one.
template <typename Tree>
class Cache {
 public:
  template <typename Make>
  Result<std::shared_ptr<const Tree>> get(std::string_view source, Make make) {
    const std::string key(source);
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = known_.find(key); found != known_.end()) return found->second;
    }
    SQ_TRY(Tree tree, make(source));
    auto made = std::make_shared<const Tree>(std::move(tree));
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kTemplateCacheMax) known_.clear();
    known_.emplace(key, made);
    return made;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const Tree>> known_;
};

// Replaces what lives as long as the render.
Result<Value> leave(Runtime& rt, const Value& value);

Result<Value> shown(Runtime& rt, const Value& value) {
  SQ_TRY(std::string text, rt.repr(value));
  Value data;
  if (const auto* mapping = as_object_of<Mapping>(value)) {
    Dict dict;
    for (const auto& [key, member] : mapping->entries()) {
      SQ_TRY(Value out, leave(rt, member));
      dict.set(python::str(key), std::move(out));
    }
    return Value(std::move(dict));
  }
  const bool one_way = as_object_of<Generator>(value) != nullptr;
  if (rt.is_iterable(value) && !one_way) {
    SQ_TRY(const List items, rt.to_list(value));
    SQ_TRY(data, leave(rt, Value(items)));
  }
  return make_object<ShownObject>(std::string(rt.type_name(value)), std::move(text), std::move(data));
}

Result<Value> leave(Runtime& rt, const Value& value) {
  SQ_TRY(const Nested nested, Nested::enter(rt));
  const Value now = rt.resolve(value);
  switch (now.kind()) {
    case Kind::kList:
    case Kind::kTuple: {
      List items;
      for (const Value& item_value : now.as_list()) {
        SQ_TRY(Value out, leave(rt, item_value));
        items.push_back(std::move(out));
      }
      return now.is_list() ? Value(std::move(items)) : Value::tuple(std::move(items));
    }
    case Kind::kDict: {
      Dict dict;
      for (const auto& [key, member] : now.as_dict()) {
        SQ_TRY(Value out, leave(rt, member));
        dict.set(key, std::move(out));
      }
      return Value(std::move(dict));
    }
    case Kind::kMarkup: return Value(now.as_string());
    case Kind::kObject: return shown(rt, now);
    default: return now;
  }
}

}  // namespace

bool is_strictly_undefined(const Value& value) { return is_strict_undefined(value); }
std::string undefined_message(const Value& value) {
  return std::string(value.as_string().substr(value.empty() ? 0 : 1));
}

Result<Evaluated> evaluate_expression(std::string_view source, const Scope& scope) {
  static Cache<ExprPtr> cache;
  SQ_TRY(const auto tree, cache.get(source, [](std::string_view text) -> Result<ExprPtr> {
    SQ_TRY(ExprPtr expr, parse_expression(text, Environment::kOrquesta));
    SQ_CHECK(check(*expr));
    return expr;
  }));
  static const Body kNoTemplate;
  Runtime rt(scope, {}, Environment::kOrquesta);
  Evaluator evaluator(rt, kNoTemplate);
  SQ_TRY(Value result, evaluator.evaluate(**tree));
  if (is_strict_undefined(result)) return Evaluated{std::move(result), {}};
  if (const auto* generator = as_object_of<Generator>(result);
      generator != nullptr && generator->type_name() == "generator") {
    SQ_TRY(List items, rt.to_list(result));
    result = Value(std::move(items));
  }
  Evaluated evaluated;
  SQ_TRY(evaluated.text, rt.str(result));
  SQ_TRY(evaluated.value, leave(rt, result));
  return evaluated;
}

Result<std::string> render_orquesta(std::string_view source, const Scope& scope) {
  static Cache<Body> cache;
  SQ_TRY(const auto body, cache.get(source, [](std::string_view text) -> Result<Body> {
    SQ_TRY(Body made, parse(text, Environment::kOrquesta));
    SQ_CHECK(check(made));
    return made;
  }));
  Runtime rt(scope, {}, Environment::kOrquesta);
  Evaluator evaluator(rt, *body);
  return evaluator.render();
}

Status check_template_syntax(std::string_view source) {
  SQ_TRY(const Body body, parse(source, Environment::kOrquesta));
  return {};
}

Status check_expression_syntax(std::string_view source) {
  SQ_TRY(const ExprPtr expr, parse_expression(source, Environment::kOrquesta, false));
  return {};
}

}  // namespace squall::expr::jinja
