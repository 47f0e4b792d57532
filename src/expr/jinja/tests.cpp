#include "expr/jinja/tests.hpp"

#include <algorithm>
#include <unordered_map>

#include "expr/jinja/filters.hpp"
#include "expr/python/text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

namespace {

Result<bool> remainder_is(Runtime& rt, const Value& value, const Value& divisor, int64_t wanted) {
  SQ_TRY(const Value rest, rt.binary(py::BinaryOp::kMod, value, divisor));
  return rt.equal(rest, Value(wanted));
}

Result<bool> is_odd(Runtime& rt, const Bound& a) { return remainder_is(rt, a[0], Value(2), 1); }
Result<bool> is_even(Runtime& rt, const Bound& a) { return remainder_is(rt, a[0], Value(2), 0); }
Result<bool> is_divisible_by(Runtime& rt, const Bound& a) { return remainder_is(rt, a[0], a[1], 0); }

Result<bool> is_defined(Runtime&, const Bound& a) { return !is_undefined(a[0]); }
Result<bool> is_undefined_test(Runtime&, const Bound& a) { return is_undefined(a[0]); }
Result<bool> is_none(Runtime&, const Bound& a) { return a[0].is_null(); }
Result<bool> is_boolean(Runtime&, const Bound& a) { return a[0].is_bool(); }
Result<bool> is_true(Runtime&, const Bound& a) { return a[0].is_bool() && a[0].as_bool(); }
Result<bool> is_false(Runtime&, const Bound& a) { return a[0].is_bool() && !a[0].as_bool(); }
Result<bool> is_integer(Runtime&, const Bound& a) { return py::is_integer(a[0]) && !a[0].is_bool(); }
Result<bool> is_float(Runtime&, const Bound& a) { return a[0].is_double(); }
Result<bool> is_number(Runtime&, const Bound& a) { return py::is_numeric(a[0]); }
Result<bool> is_string(Runtime&, const Bound& a) { return a[0].is_string() || a[0].kind() == Kind::kMarkup; }
Result<bool> is_escaped(Runtime&, const Bound& a) { return a[0].kind() == Kind::kMarkup; }
Result<bool> is_mapping(Runtime& rt, const Bound& a) { return rt.is_mapping(rt.resolve(a[0])); }
Result<bool> is_iterable(Runtime& rt, const Bound& a) {
  if (is_strict_undefined(a[0])) return raise_undefined(a[0]);
  return rt.is_iterable(a[0]);
}
Result<bool> is_callable(Runtime& rt, const Bound& a) { return rt.is_callable(a[0]); }

Result<bool> is_sequence(Runtime& rt, const Bound& a) {
  const Value& value = rt.resolve(a[0]);
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kMarkup:
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict: return true;
    case Kind::kUndefined: return !is_strict_undefined(value);
    case Kind::kObject: {
      const PyObject* object = as_py_object(value);
      return object != nullptr && object->has_items() && object->length(rt).has_value();
    }
    default: return false;
  }
}

template <bool (*Wanted)(char32_t), bool (*Unwanted)(char32_t)>
Result<bool> is_cased(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string text, rt.str(a[0]));
  bool any = false;
  for (const char32_t c : py::decode(text)) {
    if (Unwanted(c) || py::is_title(c)) return false;
    any = any || Wanted(c);
  }
  return any;
}

Result<bool> is_same_as(Runtime& rt, const Bound& a) {
  const Value& left = rt.resolve(a[0]);
  const Value& right = rt.resolve(a[1]);
  if (left.same_storage(right)) return true;
  if (left.kind() != right.kind()) return false;
  if (left.kind() == Kind::kObject) return left.as_object() == right.as_object();
  // CPython keeps one object of each small integer and of each short text of a template.
  if (left.is_null() || left.is_bool()) return left == right;
  if (left.kind() == Kind::kInt) return left == right && left.as_int() >= -5 && left.as_int() <= 256;
  return left.is_string() && left.size() <= 1 && left == right;
}

Result<bool> is_in(Runtime& rt, const Bound& a) { return rt.contains(a[0], a[1]); }

template <CompareOp Op>
Result<bool> compares(Runtime& rt, const Bound& a) {
  return rt.compare(Op, a[0], a[1]);
}

template <typename Exists>
Result<bool> names_something(Runtime& rt, const Value& name, Exists exists) {
  if (is_strict_undefined(name)) return raise_undefined(name);
  if (!rt.is_hashable(name)) return py::type_error("unhashable type: '" + std::string(rt.type_name(name)) + "'");
  return name.is_string() && exists(name.as_string());
}

Result<bool> is_filter(Runtime& rt, const Bound& a) {
  return names_something(rt, a[0],
                         [&rt](std::string_view name) { return find_filter(name, rt.environment()) != nullptr; });
}
Result<bool> is_test(Runtime& rt, const Bound& a) {
  return names_something(rt, a[0], [](std::string_view name) { return find_test(name) != nullptr; });
}

std::span<const Test> all_tests() {
  static const Test kTests[] = {
      {"odd", Signature("test_odd: value"), is_odd},
      {"even", Signature("test_even: value"), is_even},
      {"divisibleby", Signature("test_divisibleby: value num"), is_divisible_by},
      {"defined", Signature("test_defined: value"), is_defined},
      {"undefined", Signature("test_undefined: value"), is_undefined_test},
      {"filter", Signature("test_filter: env~ value"), is_filter},
      {"test", Signature("test_test: env~ value"), is_test},
      {"none", Signature("test_none: value"), is_none},
      {"boolean", Signature("test_boolean: value"), is_boolean},
      {"false", Signature("test_false: value"), is_false},
      {"true", Signature("test_true: value"), is_true},
      {"integer", Signature("test_integer: value"), is_integer},
      {"float", Signature("test_float: value"), is_float},
      {"lower", Signature("test_lower: value"), is_cased<py::is_lower, py::is_upper>},
      {"upper", Signature("test_upper: value"), is_cased<py::is_upper, py::is_lower>},
      {"string", Signature("test_string: value"), is_string},
      {"mapping", Signature("test_mapping: value"), is_mapping},
      {"number", Signature("test_number: value"), is_number},
      {"sequence", Signature("test_sequence: value"), is_sequence},
      {"iterable", Signature("test_iterable: value"), is_iterable},
      {"callable", Signature("callable!: obj"), is_callable},
      {"sameas", Signature("test_sameas: value other"), is_same_as},
      {"escaped", Signature("test_escaped: value"), is_escaped},
      {"in", Signature("in_: item list"), is_in},
      {"==", Signature("eq!: a b"), compares<CompareOp::kEq>},
      {"eq", Signature("eq!: a b"), compares<CompareOp::kEq>},
      {"equalto", Signature("eq!: a b"), compares<CompareOp::kEq>},
      {"!=", Signature("ne!: a b"), compares<CompareOp::kNe>},
      {"ne", Signature("ne!: a b"), compares<CompareOp::kNe>},
      {">", Signature("gt!: a b"), compares<CompareOp::kGt>},
      {"gt", Signature("gt!: a b"), compares<CompareOp::kGt>},
      {"greaterthan", Signature("gt!: a b"), compares<CompareOp::kGt>},
      {">=", Signature("ge!: a b"), compares<CompareOp::kGtEq>},
      {"ge", Signature("ge!: a b"), compares<CompareOp::kGtEq>},
      {"<", Signature("lt!: a b"), compares<CompareOp::kLt>},
      {"lt", Signature("lt!: a b"), compares<CompareOp::kLt>},
      {"lessthan", Signature("lt!: a b"), compares<CompareOp::kLt>},
      {"<=", Signature("le!: a b"), compares<CompareOp::kLtEq>},
      {"le", Signature("le!: a b"), compares<CompareOp::kLtEq>},
  };
  return kTests;
}

}  // namespace

const Test* find_test(std::string_view name) {
  static const auto kByName = [] {
    std::unordered_map<std::string_view, const Test*> by_name;
    for (const Test& test : all_tests()) by_name.emplace(test.name, &test);
    return by_name;
  }();
  const auto found = kByName.find(name);
  return found == kByName.end() ? nullptr : found->second;
}

Result<bool> run_test(Runtime& rt, const Test& test, const Value& input, const CallArguments& arguments) {
  SQ_CHECK(rt.charge());
  SQ_CHECK(rt.charge_input(input));
  Bound bound;
  SQ_CHECK(bind(test.signature, &input, arguments, bound));
  return test.run(rt, bound);
}

}  // namespace squall::expr::jinja
