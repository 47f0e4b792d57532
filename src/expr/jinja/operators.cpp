// Operators of Runtime: arithmetic on anything, comparisons, membership.
#include <cmath>

#include "base/strings.hpp"
#include "expr/jinja/format.hpp"
#include "expr/jinja/runtime.hpp"
#include "expr/python/text.hpp"
#include "value/number_text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::BinaryOp;
using py::raise;
using py::type_error;

namespace {

bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }
bool is_sequence(const Value& value) {
  return is_text(value) || value.is_list() || value.kind() == Kind::kTuple || value.kind() == Kind::kBytes;
}

std::string_view symbol(CompareOp op) {
  static constexpr std::string_view kSymbols[] = {"==", "!=", "<", "<=", ">", ">=", "in", "not in"};
  return kSymbols[static_cast<size_t>(op)];
}

template <typename T>
bool decide(CompareOp op, const T& a, const T& b) {
  switch (op) {
    case CompareOp::kLt: return a < b;
    case CompareOp::kLtEq: return a <= b;
    case CompareOp::kGt: return a > b;
    default: return a >= b;
  }
}

// Both numeric.
bool compare_numbers(CompareOp op, const Value& a, const Value& b) {
  if (a.is_double() && b.is_double()) return decide(op, a.as_double(), b.as_double());
  if (!a.is_double() && !b.is_double()) return decide(op, compare_integers(a, b), 0);
  const double real = a.is_double() ? a.as_double() : b.as_double();
  if (std::isnan(real)) return false;
  const int order = compare_integer_with_double(a.is_double() ? b : a, real);
  return decide(op, a.is_double() ? -order : order, 0);
}

Value same_text_kind(const Value& like, std::string text) {
  return like.kind() == Kind::kMarkup ? Value::markup(std::move(text)) : Value(std::move(text));
}

// Text joined to Markup is escaped first.
std::string escaped_for(const Value& value, bool into_markup) {
  return into_markup && value.is_string() ? py::html_escape(value.as_string()) : std::string(value.as_string());
}

Result<Value> repeat(Runtime& rt, const Value& sequence, const Value& times) {
  const auto count = py::to_int64(times);
  if (!count) return raise("OverflowError", "cannot fit 'int' into an index-sized integer");
  const size_t repeats = *count > 0 ? static_cast<size_t>(*count) : 0;
  const size_t size = sequence.size();
  if (size != 0 && repeats > kTextBytesMax / size) {
    return py::limit_error("a repeated sequence exceeds kTextBytesMax");
  }
  if (sequence.is_list() || sequence.kind() == Kind::kTuple) {
    SQ_CHECK(rt.charge(size * repeats));
    List items;
    items.reserve(size * repeats);
    for (size_t i = 0; i < repeats; ++i)
      items.insert(items.end(), sequence.as_list().begin(), sequence.as_list().end());
    return sequence.is_list() ? Value(std::move(items)) : Value::tuple(std::move(items));
  }
  SQ_CHECK(rt.charge_text(size * repeats));
  std::string text;
  text.reserve(size * repeats);
  if (repeats > 0) text = sequence.as_string();
  while (text.size() < size * repeats) text.append(text, 0, size * repeats - text.size());
  return sequence.kind() == Kind::kBytes ? Value::bytes(std::move(text)) : same_text_kind(sequence, std::move(text));
}

Result<Value> concatenate(Runtime& rt, const Value& a, const Value& b) {
  if (is_text(a) && is_text(b)) {
    const bool markup = a.kind() == Kind::kMarkup || b.kind() == Kind::kMarkup;
    std::string text = escaped_for(a, markup) + escaped_for(b, markup);
    SQ_CHECK(rt.charge_text(text.size()));
    return markup ? Value::markup(std::move(text)) : Value(std::move(text));
  }
  if (a.kind() == b.kind() && (a.is_list() || a.kind() == Kind::kTuple)) {
    SQ_CHECK(rt.charge(a.size() + b.size()));
    List items = a.as_list();
    items.insert(items.end(), b.as_list().begin(), b.as_list().end());
    return a.is_list() ? Value(std::move(items)) : Value::tuple(std::move(items));
  }
  if (a.kind() == Kind::kBytes && b.kind() == Kind::kBytes) {
    return Value::bytes(std::string(a.as_string()) + std::string(b.as_string()));
  }
  if (is_sequence(a) && a.kind() != Kind::kMarkup) {
    const std::string own(rt.type_name(a));
    return type_error("can only concatenate " + own + " (not \"" + std::string(rt.type_name(b)) + "\") to " + own);
  }
  return type_error("unsupported operand type(s) for +: '" + std::string(rt.type_name(a)) + "' and '" +
                    std::string(rt.type_name(b)) + "'");
}

// Dates and spans of time, as far as they take part in + and -.
std::optional<Result<Value>> time_arithmetic(BinaryOp op, const Value& a, const Value& b) {
  const bool add = op == BinaryOp::kAdd;
  if (!add && op != BinaryOp::kSub) return std::nullopt;
  const auto shifted = [&](DateTime time, int64_t span) {
    time.micros += add ? span : -span;
    return Value::date_time(time);
  };
  if (a.kind() == Kind::kDateTime && b.kind() == Kind::kTimeDelta) return shifted(a.as_date_time(), b.as_time_delta());
  if (add && a.kind() == Kind::kTimeDelta && b.kind() == Kind::kDateTime) {
    return shifted(b.as_date_time(), a.as_time_delta());
  }
  if (a.kind() == Kind::kTimeDelta && b.kind() == Kind::kTimeDelta) {
    return Value::time_delta(add ? a.as_time_delta() + b.as_time_delta() : a.as_time_delta() - b.as_time_delta());
  }
  if (!add && a.kind() == Kind::kDate && b.kind() == Kind::kDate) {
    return Value::time_delta((int64_t{a.as_date()} - b.as_date()) * 86'400'000'000);
  }
  if (!add && a.kind() == Kind::kDateTime && b.kind() == Kind::kDateTime) {
    const DateTime left = a.as_date_time();
    const DateTime right = b.as_date_time();
    if (left.has_offset != right.has_offset) {
      return Result<Value>(type_error("can't subtract offset-naive and offset-aware datetimes"));
    }
    return Value::time_delta(left.micros - right.micros - (left.offset_seconds - right.offset_seconds) * 1'000'000LL);
  }
  return std::nullopt;
}

}  // namespace

Result<Value> Runtime::binary(BinaryOp op, const Value& left, const Value& right) {
  SQ_CHECK(charge());
  if (is_undefined(left)) return raise_undefined(left);
  const Value& a = resolve(left);
  const Value& b = resolve(right);
  if (op == BinaryOp::kMod && is_text(a)) return percent_format(*this, a, b);
  if (is_undefined(b)) return raise_undefined(b);
  if (py::is_numeric(a) && py::is_numeric(b)) return py::arithmetic(op, a, b);
  if (op == BinaryOp::kMul) {
    if (is_sequence(a) && py::is_integer(b)) return repeat(*this, a, b);
    if (is_sequence(b) && py::is_integer(a)) return repeat(*this, b, a);
    if (a.kind() == Kind::kMarkup || b.kind() == Kind::kMarkup) {
      return type_error("'" + std::string(type_name(a.kind() == Kind::kMarkup ? b : a)) +
                        "' object cannot be interpreted as an integer");
    }
    if (is_sequence(a) || is_sequence(b)) {
      return type_error("can't multiply sequence by non-int of type '" +
                        std::string(type_name(is_sequence(a) ? b : a)) + "'");
    }
  }
  if (auto moved = time_arithmetic(op, a, b)) return *std::move(moved);
  if (op == BinaryOp::kAdd) return concatenate(*this, a, b);
  return type_error("unsupported operand type(s) for " + std::string(py::symbol(op)) + ": '" +
                    std::string(type_name(a)) + "' and '" + std::string(type_name(b)) + "'");
}

Result<Value> Runtime::negate(const Value& value) {
  if (is_undefined(value)) return raise_undefined(value);
  if (value.kind() == Kind::kTimeDelta) return Value::time_delta(-value.as_time_delta());
  if (py::is_numeric(value)) return py::negate(value);
  return type_error("bad operand type for unary -: '" + std::string(type_name(value)) + "'");
}

Result<Value> Runtime::positive(const Value& value) {
  if (is_undefined(value)) return raise_undefined(value);
  if (py::is_numeric(value)) return py::positive(value);
  return type_error("bad operand type for unary +: '" + std::string(type_name(value)) + "'");
}

Result<bool> Runtime::equal(const Value& left, const Value& right) {
  SQ_CHECK(charge());
  if (is_strict_undefined(left)) return raise_undefined(left);
  if (is_strict_undefined(right)) return raise_undefined(right);
  if (is_undefined(left) || is_undefined(right)) return is_undefined(left) && is_undefined(right);
  if (is_text(left) && is_text(right)) return left.as_string() == right.as_string();
  SQ_TRY(const Value a, freeze(left));
  SQ_TRY(const Value b, freeze(right));
  return equal_frozen(a, b);
}

Result<bool> Runtime::equal_frozen(const Value& a, const Value& b) {
  if (is_undefined(a) || is_undefined(b)) return equal(a, b);
  if (a.same_storage(b)) return true;
  SQ_TRY(const Nested nested, Nested::enter(*this));
  if (a.kind() == b.kind() && (a.is_list() || a.kind() == Kind::kTuple)) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (a.as_list()[i].same_storage(b.as_list()[i])) continue;
      SQ_TRY(const bool same, equal_frozen(a.as_list()[i], b.as_list()[i]));
      if (!same) return false;
    }
    return true;
  }
  if (a.is_dict() && b.is_dict()) {
    if (a.size() != b.size()) return false;
    for (const auto& [key, member] : a.as_dict()) {
      const Value* other = b.as_dict().find(key);
      if (other == nullptr) return false;
      SQ_TRY(const bool same, equal_frozen(member, *other));
      if (!same) return false;
    }
    return true;
  }
  if (a.kind() == Kind::kObject && b.kind() == Kind::kObject) return equal_objects(a, b);
  if (a.kind() == Kind::kObject || b.kind() == Kind::kObject) return false;
  return python::equal(a, b);
}

Result<bool> Runtime::equal_objects(const Value& a, const Value& b) {
  if (a.as_object() == b.as_object()) return true;
  const auto* one = as_object_of<Mapping>(a);
  const auto* other = as_object_of<Mapping>(b);
  if (one != nullptr && other != nullptr) {
    if (one->entries().size() != other->entries().size()) return false;
    for (const auto& [key, member] : one->entries()) {
      SQ_TRY(const auto found, find_item(b, key));
      if (!found) return false;
      SQ_TRY(const bool same, equal(member, *found));
      if (!same) return false;
    }
    return true;
  }
  const auto* range = as_object_of<Range>(a);
  const auto* other_range = as_object_of<Range>(b);
  if (range == nullptr || other_range == nullptr || range->size() != other_range->size()) return false;
  return range->size() == 0 ||
         (range->at(0) == other_range->at(0) && (range->size() == 1 || range->step() == other_range->step()));
}

namespace {

constexpr uint64_t kListSteps = 30;  // to begin to compare two lists

}  // namespace

Result<bool> Runtime::order(CompareOp op, const Value& left, const Value& right) {
  if ((py::is_numeric(left) && py::is_numeric(right)) || (is_text(left) && is_text(right))) {
    SQ_CHECK(charge());
    return py::is_numeric(left) ? compare_numbers(op, left, right) : decide(op, left.as_string(), right.as_string());
  }
  SQ_TRY(const Nested nested, Nested::enter(*this));
  SQ_TRY(const Value a, freeze(left));
  SQ_TRY(const Value b, freeze(right));
  const bool lists = a.kind() == b.kind() && (a.is_list() || a.kind() == Kind::kTuple);
  if (lists) {
    SQ_CHECK(charge(kListSteps));
    const size_t common = std::min(a.size(), b.size());
    for (size_t i = 0; i < common; ++i) {
      SQ_TRY(const bool same, equal(a.as_list()[i], b.as_list()[i]));
      if (!same) return order(op, a.as_list()[i], b.as_list()[i]);
    }
    return decide(op, a.size(), b.size());
  }
  const bool swapped = op == CompareOp::kGt || op == CompareOp::kLtEq;
  const auto lower = swapped ? python::less(b, a) : python::less(a, b);
  if (lower) return op == CompareOp::kLt || op == CompareOp::kGt ? *lower : !*lower;
  if (a.kind() == b.kind() && a.kind() == Kind::kDateTime) return fail(lower.error());
  return type_error("'" + std::string(symbol(op)) + "' not supported between instances of '" +
                    std::string(type_name(a)) + "' and '" + std::string(type_name(b)) + "'");
}

Result<bool> Runtime::compare(CompareOp op, const Value& a, const Value& b) {
  switch (op) {
    case CompareOp::kEq: return equal(a, b);
    case CompareOp::kNe: {
      SQ_TRY(const bool same, equal(a, b));
      return !same;
    }
    case CompareOp::kIn: return contains(a, b);
    case CompareOp::kNotIn: {
      SQ_TRY(const bool inside, contains(a, b));
      return !inside;
    }
    default:
      if (is_undefined(a)) return raise_undefined(a);
      if (is_undefined(b)) return raise_undefined(b);
      return order(op, a, b);
  }
}

Result<bool> Runtime::contains(const Value& item, const Value& container) {
  SQ_CHECK(charge());
  if (is_strict_undefined(container)) return raise_undefined(container);
  const Value& now = resolve(container);
  if (is_text(now)) {
    if (!is_text(item)) {
      return type_error("'in <string>' requires string as left operand, not " + std::string(type_name(item)));
    }
    SQ_CHECK(charge_input(now));
    return now.as_string().find(item.as_string()) != std::string_view::npos;
  }
  if (is_mapping(now)) {
    if (is_strict_undefined(item)) return raise_undefined(item);
    if (!is_hashable(item)) return type_error("unhashable type: '" + std::string(type_name(item)) + "'");
    SQ_TRY(const auto found, find_item(now, item));
    return found.has_value();
  }
  if (!is_iterable(now)) return type_error("argument of type '" + std::string(type_name(now)) + "' is not iterable");
  SQ_TRY(const Cursor next, iterate(now));
  Value element;
  while (true) {
    SQ_TRY(const bool more, next(element));
    if (!more) return false;
    SQ_TRY(const bool same, equal(item, element));
    if (same) return true;
  }
}

}  // namespace squall::expr::jinja
