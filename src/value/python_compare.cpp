#include <algorithm>
#include <cmath>

#include "base/limits.hpp"
#include "value/number_text.hpp"
#include "value/python.hpp"

namespace squall::python {

namespace {

bool is_integral(const Value& value) { return value.is_bool() || value.is_int() || value.kind() == Kind::kBigInt; }
bool is_numeric(const Value& value) { return is_integral(value) || value.is_double(); }
bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }

// Negative, zero or positive. Neither may be NaN.
int compare_numbers(const Value& a, const Value& b) {
  if (a.is_double() && b.is_double()) return a.as_double() < b.as_double() ? -1 : a.as_double() > b.as_double() ? 1 : 0;
  if (a.is_double()) return -compare_integer_with_double(b, a.as_double());
  if (b.is_double()) return compare_integer_with_double(a, b.as_double());
  if (a.kind() == Kind::kInt && b.kind() == Kind::kInt) {
    return a.as_int() < b.as_int() ? -1 : a.as_int() > b.as_int() ? 1 : 0;
  }
  return compare_integers(a, b);
}

bool is_nan(const Value& value) { return value.is_double() && std::isnan(value.as_double()); }

int64_t utc_micros(const DateTime& time) { return time.micros - int64_t{time.offset_seconds} * 1'000'000; }

bool equal_at(const Value& a, const Value& b, size_t depth);

bool contains(const List& items, const Value& item, size_t depth = 0) {
  return std::any_of(items.begin(), items.end(), [&](const Value& other) { return equal_at(other, item, depth); });
}

bool is_subset(const List& a, const List& b, size_t depth = 0) {
  return std::all_of(a.begin(), a.end(), [&](const Value& item) { return contains(b, item, depth); });
}

bool dicts_equal(const Dict& a, const Dict& b, size_t depth) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.begin(), a.end(), [&](const Dict::Entry& entry) {
    const Value* other = b.find(entry.key);
    return other != nullptr && equal_at(entry.value, *other, depth);
  });
}

bool equal_at(const Value& a, const Value& b, size_t depth) {
  if (is_numeric(a) && is_numeric(b)) return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) == 0;
  if (is_text(a) && is_text(b)) return a.as_string() == b.as_string();
  if (a.kind() != b.kind()) return false;
  if (a.same_storage(b)) return true;
  if (depth > limits::kJsonDepthMax) return false;
  switch (a.kind()) {
    case Kind::kNull:
    case Kind::kUndefined: return true;
    case Kind::kBytes: return a.as_string() == b.as_string();
    case Kind::kList:
    case Kind::kTuple:
      return std::equal(a.as_list().begin(), a.as_list().end(), b.as_list().begin(), b.as_list().end(),
                        [depth](const Value& x, const Value& y) { return equal_at(x, y, depth + 1); });
    case Kind::kSet: return a.size() == b.size() && is_subset(a.as_list(), b.as_list(), depth + 1);
    case Kind::kDict: return dicts_equal(a.as_dict(), b.as_dict(), depth + 1);
    case Kind::kDateTime: {
      const DateTime x = a.as_date_time();
      const DateTime y = b.as_date_time();
      return x.has_offset == y.has_offset && utc_micros(x) == utc_micros(y);
    }
    case Kind::kDate: return a.as_date() == b.as_date();
    case Kind::kTimeDelta: return a.as_time_delta() == b.as_time_delta();
    case Kind::kObject: return a.as_object() == b.as_object();
    default: return false;
  }
}

tl::unexpected<Error> type_error(std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type("TypeError"));
}

tl::unexpected<Error> not_orderable(const Value& a, const Value& b) {
  return type_error("'<' not supported between instances of '" + full_type_name(a) + "' and '" + full_type_name(b) +
                    "'");
}

// Sequences compare at their first difference, else by length.
Result<bool> sequence_less(const List& a, const List& b) {
  const size_t common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i) {
    if (!equal(a[i], b[i])) return less(a[i], b[i]);
  }
  return a.size() < b.size();
}

Result<bool> date_time_less(const DateTime& a, const DateTime& b) {
  if (a.has_offset != b.has_offset) return type_error("can't compare offset-naive and offset-aware datetimes");
  return utc_micros(a) < utc_micros(b);
}

// Null when the value can be a dict key or a set member, else the value at fault inside it.
const Value* unhashable_part(const Value& value) {
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kDict:
    case Kind::kSet: return &value;
    case Kind::kTuple:
      for (const Value& item : value.as_list()) {
        if (const Value* part = unhashable_part(item); part != nullptr) return part;
      }
      return nullptr;
    default: return nullptr;
  }
}

}  // namespace

std::string full_type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kDateTime:
    case Kind::kDate:
    case Kind::kTimeDelta: return "datetime." + std::string(value.type_name());
    default: return std::string(value.type_name());
  }
}

bool equal(const Value& a, const Value& b) { return equal_at(a, b, 0); }

Result<bool> less(const Value& a, const Value& b) {
  if (is_numeric(a) && is_numeric(b)) return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) < 0;
  // Code points order as their UTF-8 bytes do.
  if (is_text(a) && is_text(b)) return a.as_string() < b.as_string();
  const bool dates = (a.kind() == Kind::kDate && b.kind() == Kind::kDateTime) ||
                     (a.kind() == Kind::kDateTime && b.kind() == Kind::kDate);
  if (dates) return type_error("can't compare datetime.datetime to datetime.date");
  if (a.kind() != b.kind()) return not_orderable(a, b);
  switch (a.kind()) {
    case Kind::kBytes: return a.as_string() < b.as_string();
    case Kind::kList:
    case Kind::kTuple: return sequence_less(a.as_list(), b.as_list());
    case Kind::kSet: return a.size() < b.size() && is_subset(a.as_list(), b.as_list());
    case Kind::kDateTime: return date_time_less(a.as_date_time(), b.as_date_time());
    case Kind::kDate: return a.as_date() < b.as_date();
    case Kind::kTimeDelta: return a.as_time_delta() < b.as_time_delta();
    default: return not_orderable(a, b);
  }
}

Result<bool> in(const Value& item, const Value& container) {
  switch (container.kind()) {
    case Kind::kString:
    case Kind::kMarkup:
      if (!is_text(item)) {
        return type_error("'in <string>' requires string as left operand, not " + std::string(item.type_name()));
      }
      return container.as_string().find(item.as_string()) != std::string_view::npos;
    case Kind::kBytes:
      if (item.kind() == Kind::kBytes) return container.as_string().find(item.as_string()) != std::string_view::npos;
      if (item.kind() == Kind::kInt || item.is_bool()) {
        const int64_t byte = item.is_bool() ? (item.as_bool() ? 1 : 0) : item.as_int();
        if (byte < 0 || byte > 255) {
          return fail(Error(ErrorCode::kInvalid, "byte must be in range(0, 256)").with_type("ValueError"));
        }
        return container.as_string().find(static_cast<char>(byte)) != std::string_view::npos;
      }
      return type_error("a bytes-like object is required, not '" + full_type_name(item) + "'");
    case Kind::kList:
    case Kind::kTuple: return contains(container.as_list(), item);
    case Kind::kSet:
    case Kind::kDict:
      // A set may be asked for a set: Python looks for the equal frozenset.
      if (const Value* part = unhashable_part(item);
          part != nullptr && !(container.kind() == Kind::kSet && item.kind() == Kind::kSet)) {
        return type_error("unhashable type: '" + std::string(part->type_name()) + "'");
      }
      if (container.kind() == Kind::kSet) return contains(container.as_list(), item);
      return is_text(item) && container.contains(item.as_string());
    case Kind::kUndefined: return false;  // an Undefined iterates over nothing
    default: return type_error("argument of type '" + full_type_name(container) + "' is not iterable");
  }
}

}  // namespace squall::python
