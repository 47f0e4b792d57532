// Contexts, definitions, branches, truth.
#include "expr/python/text.hpp"
#include "expr/yaql/names.hpp"
#include "expr/yaql/runtime.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

namespace {

// let(), with() and unpack() give the context of their own call, with more names in it.
Value context_value(const ContextPtr& context) { return Value::object(context); }

Result<Value> unpack(Call& c) {
  const size_t wanted = c.rest.size();
  SQ_TRY(Cursor cursor, c.rt.iterate(c[0]));
  List head;
  for (Value item; head.size() <= wanted;) {
    SQ_TRY(const bool more, cursor.next(c.rt, item));
    if (!more) break;
    head.push_back(std::move(item));
  }
  if (wanted > 0 && head.size() != wanted) {
    return py::value_error("Cannot unpack " + std::to_string(head.size()) + " elements into " + std::to_string(wanted));
  }
  const ContextPtr& context = c.context();
  c.rt.track(context);
  for (size_t i = 0; i < wanted; ++i) context->set(c.rest[i].value.as_string(), head[i]);
  if (wanted > 0) return context_value(context);
  // Without names: by number. An iterator has lost its first element to the look ahead above, as in yaql.
  if (!c.rt.is_iterator(c[0])) {
    SQ_TRY(cursor, c.rt.iterate(c[0]));
  }
  Value item;
  for (size_t i = 1;; ++i) {
    SQ_TRY(const bool more, cursor.next(c.rt, item));
    if (!more) return context_value(context);
    context->set(std::to_string(i), item);
  }
}

Result<Value> with(Call& c) {
  const ContextPtr& context = c.context();
  c.rt.track(context);
  for (size_t i = 0; i < c.rest.size(); ++i) context->set(std::to_string(i + 1), c.rest[i].value);
  return context_value(context);
}

Result<Value> let(Call& c) {
  SQ_TRY(Value made, with(c));
  for (const auto& [name, arg] : c.keywords) c.context()->set(name, arg.value);
  return made;
}

Result<Value> def(Call& c) {
  const ContextPtr& context = c.context();
  auto function = std::make_shared<Function>(declare("f *args **kwargs"));
  function->name = function_name(c.text(0));
  function->dynamic = [body = c.lambda(1)](Call& call) -> Result<Value> {
    const auto inner = std::make_shared<Context>(body->context);
    for (size_t i = 0; i < call.rest.size(); ++i) inner->set(std::to_string(i + 1), call.rest[i].value);
    for (const auto& [name, arg] : call.keywords) inner->set(name, arg.value);
    return call.rt.call_lambda_in(*body, inner);
  };
  context->functions.push_back(std::move(function));
  c.rt.track(context);
  c.rt.note_definition();
  return context_value(context);
}

Result<Value> assert_that(Call& c) {
  const Value object = as<Iterator>(c[0]) != nullptr ? make<Memory>(c[0]) : c[0];
  SQ_TRY(const bool holds, c.rt.test(*c.lambda(1), object));
  if (!holds) return py::raise("AssertionError", std::string(c.text(2)));
  return object;
}

// As yaql's check of names: a prefix that looks like a bare word is enough.
bool is_keyword(std::string_view name) {
  if (name.empty() || name.starts_with("__")) return false;
  const char32_t first = py::decode(name)[0];
  return py::is_word(first) && py::decimal_value(first) < 0;
}

Result<Value> call_by_name(Call& c) {
  Runtime::Request request;
  const std::string name(c.text(0));
  request.name = name;
  const Value receiver = c[3];
  const bool is_method = c.has(3);
  request.standard = is_method ? find_methods(name) : find_functions(name);
  if (is_method) request.receiver = &receiver;
  SQ_TRY(const List arguments, c.rt.to_list(c[1]));
  for (const Value& argument : arguments) request.args.push_back(Arg::of(argument));
  const auto named = MapRef::of(c[2]);
  for (size_t i = 0; i < named->size(); ++i) {
    const Value key = named->key(i);
    if (!Runtime::is_text(key)) {
      return py::type_error("expected string or bytes-like object, got '" + std::string(c.rt.type_name(key)) + "'");
    }
    if (!is_keyword(key.as_string())) return py::raise("RuntimeError", "dictionary changed size during iteration");
    request.keywords.emplace_back(std::string(key.as_string()), Arg::of(named->value(i)));
  }
  return c.rt.call(std::move(request), c.context());
}

// --- Branches
// ---------------------------------------------------------------------------------------------------------

Result<Value> switch_rules(Call& c) {
  for (const Arg& rule : c.rest) {
    SQ_TRY(const Value condition, c.rt.eval(*rule.node->args[0], c.receiver, c.context()));
    SQ_TRY(const bool holds, c.rt.truthy(condition));
    if (holds) return c.rt.eval(*rule.node->args[1], c.receiver, c.context());
  }
  return Value();
}

Result<Value> evaluate(Call& c, const Arg& arg) { return c.rt.call_lambda(*c.lambda_of(arg), {}); }

Result<Value> select_case(Call& c) {
  for (size_t i = 0; i < c.rest.size(); ++i) {
    SQ_TRY(const Value condition, evaluate(c, c.rest[i]));
    SQ_TRY(const bool holds, c.rt.truthy(condition));
    if (holds) return Value(i);
  }
  return Value(c.rest.size());
}

using Lambdas = std::vector<std::shared_ptr<const Lambda>>;

Lambdas lambdas_of(Call& c) {
  Lambdas lambdas;
  for (const Arg& arg : c.rest) lambdas.push_back(c.lambda_of(arg));
  return lambdas;
}

Result<Value> select_all_cases(Call& c) {
  return make_iterator("generator:select_all_cases",
                       [cases = lambdas_of(c), i = size_t{0}](Runtime& rt, Value& out) mutable -> Result<bool> {
                         while (i < cases.size()) {
                           out = Value(i);
                           SQ_TRY(const Value condition, rt.call_lambda(*cases[i++], {}));
                           SQ_TRY(const bool holds, rt.truthy(condition));
                           if (holds) return true;
                         }
                         return false;
                       });
}

Result<Value> examine(Call& c) {
  return make_iterator("generator:examine",
                       [cases = lambdas_of(c), i = size_t{0}](Runtime& rt, Value& out) mutable -> Result<bool> {
                         if (i == cases.size()) return false;
                         SQ_TRY(const Value condition, rt.call_lambda(*cases[i++], {}));
                         SQ_TRY(const bool holds, rt.truthy(condition));
                         out = Value(holds);
                         return true;
                       });
}

Result<Value> switch_case(Call& c) {
  if (c.rest.empty()) return Value();
  const auto index = py::to_int64(c[0]);
  const bool inside = index && *index >= 0 && static_cast<uint64_t>(*index) < c.rest.size();
  return evaluate(c, inside ? c.rest[static_cast<size_t>(*index)] : c.rest.back());
}

Result<Value> coalesce(Call& c) {
  for (const Arg& arg : c.rest) {
    SQ_TRY(Value value, evaluate(c, arg));
    if (!value.is_null()) return value;
  }
  return Value();
}

// --- Truth
// ------------------------------------------------------------------------------------------------------------

Result<Value> to_bool(Call& c) {
  SQ_TRY(const bool truth, c.rt.truthy(c[0]));
  return Value(truth);
}

Result<Value> is_not(Call& c) {
  SQ_TRY(const bool truth, c.rt.truthy(c[0]));
  return Value(!truth);
}

Result<Value> is_boolean(Call& c) { return Value(c[0].is_bool()); }

}  // namespace

std::span<const Definition> system_functions() {
  static const Definition kFunctions[] = {
      {"unpack sequence:iterable *args:str", unpack, Use::kMethod},
      {"with *args", with},
      {"let *args **kwargs", let},
      {"def name:str func:lambda", def},
      {"assert obj condition:lambda message:str=Assertion_failed", assert_that, Use::kMethod},
      {"call name:str args:sequence kwargs:mapping receiver=none", call_by_name},
      {"switch *args:rule", switch_rules, Use::kFunction, true},
      {"selectCase *args:lambda", select_case},
      {"selectAllCases *args:lambda", select_all_cases},
      {"examine *args:lambda", examine},
      {"switchCase case:int *args:lambda", switch_case, Use::kMethod},
      {"coalesce *args:lambda", coalesce},
      {"bool value", to_bool},
      {"#unary_operator_not arg", is_not},
      {"isBoolean value", is_boolean},
  };
  return kFunctions;
}

}  // namespace squall::expr::yaql
