// Member access and calls of Runtime, as Jinja's sandbox does them.
#include "base/strings.hpp"
#include "expr/jinja/filters.hpp"
#include "expr/jinja/methods.hpp"
#include "expr/jinja/runtime.hpp"
#include "expr/jinja/tests.hpp"
#include "expr/python/text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;

namespace {

bool is_dunder(std::string_view name) { return name.size() > 4 && name.starts_with("__") && name.ends_with("__"); }

std::optional<Value> number_attribute(const Value& number, std::string_view name) {
  if (name == "real") return py::positive(number);
  if (name == "imag") return number.is_double() ? Value(0.0) : Value(0);
  if (number.is_double()) return std::nullopt;
  if (name == "numerator") return py::positive(number);
  if (name == "denominator") return Value(1);
  return std::nullopt;
}

Value bound_method(const Method& method, const Value& self, std::string_view type) {
  // Formatting methods are wrapped by the sandbox in functions of its own.
  const bool wrapped = method.name == "format" || method.name == "format_map";
  std::string shown = wrapped ? "<function SandboxedEnvironment.wrap_str_format.<locals>.wrapper at 0x7f0000000000>"
                              : "<built-in method " + std::string(method.name) + " of " + std::string(type) +
                                    " object at 0x7f0000000000>";
  return make_object<Function>(
      wrapped ? "function" : "builtin_function_or_method", std::move(shown),
      [&method, self](Runtime& rt, const CallArguments& arguments) { return run_method(rt, method, self, arguments); });
}

// Python's slice.indices(): where to start, where to stop, already inside the sequence.
struct SliceRange {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 1;
};

Result<std::optional<int64_t>> slice_index(const Value& value) {
  if (value.is_null()) return std::optional<int64_t>();
  if (!py::is_integer(value)) {
    return type_error("slice indices must be integers or None or have an __index__ method");
  }
  if (const auto index = py::to_int64(value)) return index;
  return std::optional<int64_t>(py::is_negative(value) ? INT64_MIN / 2 : INT64_MAX / 2);
}

Result<SliceRange> slice_range(const Value& start, const Value& stop, const Value& step, size_t size) {
  SQ_TRY(const auto step_given, slice_index(step));
  SliceRange range;
  range.step = step_given.value_or(1);
  if (range.step == 0) return py::value_error("slice step cannot be zero");
  SQ_TRY(const auto start_given, slice_index(start));
  SQ_TRY(const auto stop_given, slice_index(stop));
  const auto length = static_cast<int64_t>(size);
  const bool backwards = range.step < 0;
  const auto clamp = [&](int64_t index) {
    if (index < 0) index += length;
    if (index < 0) return backwards ? int64_t{-1} : int64_t{0};
    if (index >= length) return backwards ? length - 1 : length;
    return index;
  };
  range.start = start_given ? clamp(*start_given) : (backwards ? length - 1 : 0);
  range.stop = stop_given ? clamp(*stop_given) : (backwards ? -1 : length);
  return range;
}

template <typename F>
void for_each_index(const SliceRange& range, F visit) {
  for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop;) {
    visit(static_cast<size_t>(i));
    if (__builtin_add_overflow(i, range.step, &i)) return;
  }
}

}  // namespace

Result<std::optional<Value>> Runtime::find_attribute(const Value& object, std::string_view name) {
  const Value& now = resolve(object);
  if (is_dunder(name) && has_internal_attribute(now, name)) {
    return make_undefined(UndefinedKind::kUnsafe, "access to attribute " + python::repr(Value(name)) + " of '" +
                                                      std::string(type_name(now)) + "' object is unsafe.");
  }
  if (is_undefined(now)) return raise_undefined(now);
  if (const auto* lazy = as_object_of<LazyObject>(now)) {
    SQ_TRY(Value member, lazy->get(name));
    return std::optional(std::move(member));
  }
  if (const Method* method = find_method(now, name)) return bound_method(*method, object, type_name(now));
  if (const PyObject* py_object = as_py_object(now)) return py_object->attribute(*this, name);
  if (py::is_numeric(now)) return number_attribute(now, name);
  return std::optional<Value>();
}

Result<std::optional<Value>> Runtime::sequence_item(const Value& sequence, const Value& key) {
  const auto given = py::is_integer(key) ? py::to_int64(key) : std::nullopt;
  if (!given) return std::optional<Value>();
  const bool is_text = sequence.is_string() || sequence.kind() == Kind::kMarkup;
  const auto size = static_cast<int64_t>(is_text ? utf8_length(sequence.as_string()) : sequence.size());
  const int64_t index = *given < 0 ? *given + size : *given;
  if (index < 0 || index >= size) return std::optional<Value>();
  if (!is_text) {
    if (sequence.kind() != Kind::kBytes) return sequence.as_list()[static_cast<size_t>(index)];
    return Value(static_cast<int>(static_cast<unsigned char>(sequence.as_string()[static_cast<size_t>(index)])));
  }
  const std::string_view text = sequence.as_string();
  const size_t start = py::byte_offset(text, static_cast<size_t>(index));
  size_t end = start;
  next_code_point(text, end);
  const std::string_view part = text.substr(start, end - start);
  return sequence.is_string() ? Value(part) : Value::markup(std::string(part));
}

Result<std::optional<Value>> Runtime::find_item(const Value& object, const Value& key) {
  const Value& now = resolve(object);
  switch (now.kind()) {
    case Kind::kUndefined: return raise_undefined(now);
    case Kind::kDict: {
      if (!key.is_string() && key.kind() != Kind::kMarkup) return std::optional<Value>();
      const Value* found = now.as_dict().find(key.as_string());
      return found != nullptr ? std::optional(*found) : std::nullopt;
    }
    case Kind::kString:
    case Kind::kMarkup:
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kTuple: return sequence_item(now, key);
    case Kind::kObject: break;
    default: return std::optional<Value>();
  }
  if (const auto* mapping = as_object_of<Mapping>(now)) {
    for (const auto& [own, member] : mapping->entries()) {
      SQ_TRY(const bool same, equal(own, key));
      if (same) return std::optional(member);
    }
    return std::optional<Value>();
  }
  if (const PyObject* py_object = as_py_object(now)) return py_object->item(*this, key);
  const auto* lazy = as_object_of<LazyObject>(now);
  if (lazy == nullptr) return std::optional<Value>();
  SQ_TRY(const std::string name, str(key));
  SQ_TRY(Value member, lazy->get(name));
  return std::optional(std::move(member));
}

Result<Value> Runtime::get_attribute(const Value& object, std::string_view name) {
  SQ_CHECK(charge());
  SQ_TRY(auto attribute, find_attribute(object, name));
  if (attribute) return *std::move(attribute);
  const Value key(name);
  SQ_TRY(auto item, find_item(object, key));
  if (item) return *std::move(item);
  return undefined_member(object, key);
}

Result<Value> Runtime::get_item(const Value& object, const Value& key) {
  SQ_CHECK(charge());
  SQ_TRY(auto item, find_item(object, key));
  if (item) return *std::move(item);
  if (key.is_string()) {
    SQ_TRY(auto attribute, find_attribute(object, key.as_string()));
    if (attribute) return *std::move(attribute);
  }
  return undefined_member(object, key);
}

Result<Value> Runtime::get_slice(const Value& object, const Value& start, const Value& stop, const Value& step) {
  const Value& now = resolve(object);
  if (is_undefined(now)) return raise_undefined(now);
  if (const auto* range = as_object_of<Range>(now)) {
    SQ_TRY(const SliceRange part, slice_range(start, stop, step, range->size()));
    const int64_t first = range->at(0);
    return make_object<Range>(first + part.start * range->step(), first + part.stop * range->step(),
                              range->step() * part.step);
  }
  if (now.kind() == Kind::kString || now.kind() == Kind::kMarkup) {
    const std::u32string text = py::decode(now.as_string());
    SQ_CHECK(charge(text.size() / 16));
    SQ_TRY(const SliceRange part, slice_range(start, stop, step, text.size()));
    std::u32string out;
    for_each_index(part, [&](size_t i) { out.push_back(text[i]); });
    std::string encoded = py::encode(out);
    return now.is_string() ? Value(std::move(encoded)) : Value::markup(std::move(encoded));
  }
  if (now.is_list() || now.kind() == Kind::kTuple) {
    SQ_TRY(const SliceRange part, slice_range(start, stop, step, now.size()));
    List out;
    for_each_index(part, [&](size_t i) { out.push_back(now.as_list()[i]); });
    SQ_CHECK(charge(out.size()));
    return now.is_list() ? Value(std::move(out)) : Value::tuple(std::move(out));
  }
  if (now.kind() == Kind::kBytes) {
    SQ_TRY(const SliceRange part, slice_range(start, stop, step, now.size()));
    std::string out;
    for_each_index(part, [&](size_t i) { out.push_back(now.as_string()[i]); });
    SQ_CHECK(charge_text(out.size()));
    return Value::bytes(std::move(out));
  }
  if (is_mapping(now)) return type_error("unhashable type: 'slice'");
  return type_error("'" + std::string(type_name(now)) + "' object is not subscriptable");
}

Result<Value> Runtime::call(const Value& callee, CallArguments arguments) {
  SQ_TRY(const Nested nested, Nested::call(*this));
  if (is_undefined(callee)) return raise_undefined(callee);
  if (const PyObject* object = as_py_object(callee); object != nullptr && object->is_callable()) {
    return object->call(*this, std::move(arguments));
  }
  const auto* host = as_object_of<Callable>(callee);
  if (host == nullptr) return type_error("'" + std::string(type_name(callee)) + "' object is not callable");
  for (Value& value : arguments.positional) {
    SQ_TRY(value, freeze(value));
  }
  for (const auto& [name, value] : Dict(arguments.keyword)) {
    SQ_TRY(Value plain, freeze(value));
    arguments.keyword.set(name, std::move(plain));
  }
  return host->call(arguments.positional, arguments.keyword);
}

std::optional<Result<Value>> Runtime::call_method(const Value& object, std::string_view name,
                                                  CallArguments& arguments) {
  const Method* method = find_method(resolve(object), name);
  if (method == nullptr) return std::nullopt;
  const auto nested = Nested::call(*this);
  if (!nested) return Result<Value>(fail(nested.error()));
  return run_method(*this, *method, object, arguments);
}

Result<Value> Runtime::call_filter(std::string_view name, const Value& input, const CallArguments& arguments) {
  const Filter* filter = find_filter(name, environment_);
  if (filter == nullptr) return raise("TemplateRuntimeError", "No filter named " + python::repr(Value(name)) + ".");
  return run_filter(*this, *filter, input, arguments);
}

Result<bool> Runtime::call_test(std::string_view name, const Value& input, const CallArguments& arguments) {
  const Test* test = find_test(name);
  if (test == nullptr) return raise("TemplateRuntimeError", "No test named " + python::repr(Value(name)) + ".");
  return run_test(*this, *test, input, arguments);
}

}  // namespace squall::expr::jinja
