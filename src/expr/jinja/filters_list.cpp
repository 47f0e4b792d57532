// Filters on sequences: sorting, grouping, joining, cutting up.
#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/strings.hpp"
#include "expr/jinja/filters.hpp"
#include "expr/jinja/methods.hpp"
#include "expr/python/text.hpp"
#include "value/number_text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;

namespace {

Result<Value> length(Runtime& rt, const Bound& a) {
  SQ_TRY(const auto size, rt.length(a[0]));
  if (!size) return type_error("object of type '" + std::string(rt.type_name(a[0])) + "' has no len()");
  return Value(static_cast<int64_t>(*size));
}

Result<Value> list(Runtime& rt, const Bound& a) {
  SQ_TRY(List items, rt.to_list(a[0]));
  return Value(std::move(items));
}

Result<Value> first(Runtime& rt, const Bound& a) {
  SQ_TRY(const Cursor next, rt.iterate(a[0]));
  Value item;
  SQ_TRY(const bool found, next(item));
  return found ? item : rt.undefined("No first item, sequence was empty.");
}

// What reversed() takes: sequences and dicts, no iterators.
bool is_reversible(Runtime& rt, const Value& value) {
  const Value& now = rt.resolve(value);
  switch (now.kind()) {
    case Kind::kString:
    case Kind::kMarkup:
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict: return true;
    case Kind::kObject: return as_py_object(now) != nullptr && as_py_object(now)->length(rt).has_value();
    default: return false;
  }
}

Result<Value> last(Runtime& rt, const Bound& a) {
  if (is_undefined(a[0])) {
    if (is_strict_undefined(a[0])) return raise_undefined(a[0]);
    return type_error("'Undefined' object is not reversible");
  }
  if (!is_reversible(rt, a[0])) {
    return type_error("'" + std::string(rt.type_name(a[0])) + "' object is not reversible");
  }
  SQ_TRY(const List items, rt.to_list(a[0]));
  // reversed() takes item after item, and those of a Markup are Markup.
  if (a[0].kind() == Kind::kMarkup && !items.empty()) return Value::markup(std::string(items.back().as_string()));
  return items.empty() ? rt.undefined("No last item, sequence was empty.") : items.back();
}

// Renders have no randomness (see expr.hpp): the choice is the first item, always.
Result<Value> random(Runtime& rt, const Bound& a) {
  SQ_TRY(const auto size, rt.length(a[0]));
  if (!size) return type_error("object of type '" + std::string(rt.type_name(a[0])) + "' has no len()");
  if (*size == 0) return rt.undefined("No random item, sequence was empty.");
  SQ_TRY(auto item, rt.find_item(a[0], Value(0)));
  if (!item) return raise("KeyError", "0");
  return *std::move(item);
}

Result<Value> reverse(Runtime& rt, const Bound& a) {
  const Value& now = rt.resolve(a[0]);
  if (now.kind() == Kind::kString || now.kind() == Kind::kMarkup) {
    return rt.get_slice(now, Value(), Value(), Value(-1));
  }
  if (is_strict_undefined(now)) return raise_undefined(now);
  if (!rt.is_iterable(now)) return raise("FilterArgumentError", "argument must be iterable");
  Result<List> listed = rt.to_list(now);
  if (!listed && listed.error().type() == "TypeError") return raise("FilterArgumentError", "argument must be iterable");
  if (!listed) return fail(listed.error());
  List items = *std::move(listed);
  std::reverse(items.begin(), items.end());
  if (!is_reversible(rt, now)) return Value(std::move(items));
  const std::string_view type = now.is_list()                      ? "list_reverseiterator"
                                : rt.is_mapping(now)               ? "dict_reversekeyiterator"
                                : now.type_name() == "dict_keys"   ? "dict_reversekeyiterator"
                                : now.type_name() == "dict_values" ? "dict_reversevalueiterator"
                                : now.type_name() == "dict_items"  ? "dict_reverseitemiterator"
                                : as_object_of<Range>(now)         ? "range_iterator"
                                                                   : "reversed";
  return make_object<Generator>(type, "",
                                [items = std::move(items), at = size_t{0}](Value& out) mutable -> Result<bool> {
                                  if (at == items.size()) return false;
                                  out = items[at++];
                                  return true;
                                });
}

// --- Sorting
// ----------------------------------------------------------------------------------------------------------

Result<List> sort_keys(Runtime& rt, const List& items, const AttributeGetter& getter, bool case_sensitive,
                       const Value* fallback = nullptr) {
  List keys;
  keys.reserve(items.size());
  for (const Value& item : items) {
    SQ_CHECK(rt.charge());
    SQ_TRY(Value key, getter.get(rt, item, fallback));
    keys.push_back(case_sensitive ? std::move(key) : ignore_case(key));
  }
  return keys;
}

// sorted() takes an integer for `reverse`.
Result<bool> reverse_flag(Runtime& rt, const Value& value) {
  if (value.is_bool()) return value.as_bool();
  if (is_strict_undefined(value)) return raise_undefined(value);
  const bool too_large = value.kind() == Kind::kBigInt || value.kind() == Kind::kUInt;
  if (too_large) return raise("OverflowError", "Python int too large to convert to C int");
  SQ_TRY(const int64_t number, to_index(rt, value));
  return number != 0;
}

Result<Value> sort(Runtime& rt, const Bound& a) {
  SQ_TRY(const bool case_sensitive, rt.truthy(a.value_or(2, false)));
  SQ_TRY(List items, rt.to_list(a[0]));
  SQ_TRY(const bool reverse_order, reverse_flag(rt, a.value_or(1, false)));
  std::vector<AttributeGetter> getters;
  List attributes{a[3]};
  if (a[3].is_string()) {
    attributes.clear();
    for (const std::string_view part : py::split(a[3].as_string(), ",")) attributes.emplace_back(part);
  }
  for (const Value& attribute : attributes) {
    SQ_TRY(AttributeGetter getter, AttributeGetter::parse(rt, attribute));
    getters.push_back(std::move(getter));
  }
  List keys;
  for (const Value& item : items) {
    List parts;
    for (const AttributeGetter& getter : getters) {
      SQ_TRY(Value part, getter.get(rt, item));
      parts.push_back(case_sensitive ? std::move(part) : ignore_case(part));
    }
    // Always a list: equal keys are never asked which is less.
    keys.push_back(Value(std::move(parts)));
  }
  SQ_CHECK(sort_by_keys(rt, items, keys, reverse_order));
  return Value(std::move(items));
}

Result<Value> dict_sort(Runtime& rt, const Bound& a) {
  const std::string by(a.value_or(2, Value("key")).string_or(""));
  if (by != "key" && by != "value") {
    return raise("FilterArgumentError", "You can only sort by either \"key\" or \"value\"");
  }
  const Value& now = rt.resolve(a[0]);
  if (is_undefined(now)) return raise_undefined(now);
  if (!rt.is_mapping(now)) {
    return raise("AttributeError", "'" + std::string(rt.type_name(now)) + "' object has no attribute 'items'");
  }
  // Asked for each key only.
  const bool empty = dict_entries(now).empty();
  SQ_TRY(const bool case_sensitive, empty ? Result<bool>(false) : rt.truthy(a.value_or(1, false)));
  SQ_TRY(const bool reverse_order, reverse_flag(rt, a.value_or(3, false)));
  List pairs;
  List keys;
  for (const auto& [key, member] : dict_entries(now)) {
    const Value& sort_value = by == "key" ? key : member;
    keys.push_back(case_sensitive ? sort_value : ignore_case(sort_value));
    pairs.push_back(Value::tuple({key, member}));
  }
  SQ_CHECK(sort_by_keys(rt, pairs, keys, reverse_order));
  return Value(std::move(pairs));
}

template <CompareOp Better>
Result<Value> extreme(Runtime& rt, const Bound& a) {
  SQ_TRY(const bool case_sensitive, rt.truthy(a.value_or(1, false)));
  SQ_TRY(const List items, rt.to_list(a[0]));
  if (items.empty()) return rt.undefined("No aggregated item, sequence was empty.");
  SQ_TRY(const AttributeGetter getter, AttributeGetter::parse(rt, a[2]));
  SQ_TRY(const List keys, sort_keys(rt, items, getter, case_sensitive));
  size_t best = 0;
  for (size_t i = 1; i < items.size(); ++i) {
    SQ_TRY(const bool better, rt.compare(Better, keys[i], keys[best]));
    if (better) best = i;
  }
  return items[best];
}

Result<Value> group_by(Runtime& rt, const Bound& a) {
  SQ_TRY(const bool case_sensitive, rt.truthy(a.value_or(3, false)));
  SQ_TRY(List items, rt.to_list(a[0]));
  SQ_TRY(const AttributeGetter getter, AttributeGetter::parse(rt, a[1]));
  const Value* fallback = a.has(2) ? &a[2] : nullptr;
  SQ_TRY(List keys, sort_keys(rt, items, getter, case_sensitive, fallback));
  List pairs;
  for (size_t i = 0; i < items.size(); ++i) pairs.push_back(Value::tuple({keys[i], items[i]}));
  SQ_CHECK(sort_by_keys(rt, pairs, keys, false));
  List groups;
  for (size_t i = 0; i < pairs.size();) {
    List members;
    const Value key = pairs[i][0];
    while (i < pairs.size()) {
      members.push_back(pairs[i++][1]);
      if (i == pairs.size()) break;
      SQ_TRY(const bool same, rt.equal(key, pairs[i][0]));
      if (!same) break;
    }
    Value grouper = key;
    if (!case_sensitive) {
      // The group is named as its first member has it.
      SQ_TRY(grouper, getter.get(rt, members.front(), fallback));
    }
    groups.push_back(make_object<GroupTuple>(std::move(grouper), Value(std::move(members))));
  }
  return Value(std::move(groups));
}

// --- Joining and cutting
// ----------------------------------------------------------------------------------------------

Result<Value> join(Runtime& rt, const Bound& a) {
  SQ_TRY(const AttributeGetter getter, AttributeGetter::parse(rt, a[2]));
  const Value separator = a.value_or(1, Value(""));
  // With an attribute Jinja begins to map before it makes text of the separator.
  if (!a[2].is_null()) SQ_CHECK(rt.iterate(a[0]));
  SQ_TRY(std::string divider, rt.str(separator));
  SQ_TRY(const Cursor next, rt.iterate(a[0]));
  const bool escaping = rt.autoescape;
  bool markup = escaping && separator.kind() == Kind::kMarkup;
  List items;
  Value item;
  while (true) {
    SQ_TRY(const bool more, next(item));
    if (!more) break;
    SQ_CHECK(rt.charge());
    SQ_TRY(Value value, getter.get(rt, item));
    markup = markup || (escaping && value.kind() == Kind::kMarkup);
    items.push_back(std::move(value));
  }
  if (markup && separator.kind() != Kind::kMarkup) divider = py::html_escape(divider);
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += divider;
    SQ_TRY(const std::string text, rt.str(items[i]));
    if (out.size() + text.size() > kTextBytesMax) SQ_CHECK(rt.charge_text(out.size() + text.size()));
    out += markup && items[i].kind() != Kind::kMarkup ? py::html_escape(text) : text;
    SQ_CHECK(rt.charge_text(text.size()));
  }
  SQ_CHECK(rt.charge_text(out.size()));
  return markup ? Value::markup(std::move(out)) : Value(std::move(out));
}

Value generator_of(std::string name, List items) {
  return make_object<Generator>("generator", std::move(name),
                                [items = std::move(items), at = size_t{0}](Value& out) mutable -> Result<bool> {
                                  if (at == items.size()) return false;
                                  out = items[at++];
                                  return true;
                                });
}

// A generator fails only when it is read.
Value failing_generator(std::string name, Error error) {
  return make_object<Generator>("generator", std::move(name),
                                [error = std::move(error)](Value&) -> Result<bool> { return fail(error); });
}

template <typename F>
Result<Value> lazily(std::string name, F make) {
  Result<List> items = make();
  if (items) return generator_of(std::move(name), *std::move(items));
  return failing_generator(std::move(name), std::move(items).error());
}

Result<Value> batch(Runtime& rt, const Bound& a) {
  return lazily("do_batch", [&]() -> Result<List> {
    SQ_TRY(const List items, rt.to_list(a[0]));
    // Jinja compares lengths with it: what is no number is never reached.
    int64_t size = -1;
    if (py::is_numeric(a[1]) || !a[2].is_null()) {
      SQ_TRY(size, to_index(rt, a[1]));
    }
    List batches;
    List current;
    for (const Value& item : items) {
      if (static_cast<int64_t>(current.size()) == size) batches.push_back(Value(std::exchange(current, {})));
      current.push_back(item);
    }
    if (current.empty()) return batches;
    if (!a[2].is_null() && size > static_cast<int64_t>(current.size())) {
      SQ_CHECK(rt.charge(static_cast<uint64_t>(size)));
      current.resize(static_cast<size_t>(size), a[2]);
    }
    batches.push_back(Value(std::move(current)));
    return batches;
  });
}

Result<Value> slice(Runtime& rt, const Bound& a) {
  return lazily("sync_do_slice", [&]() -> Result<List> {
    SQ_TRY(const List items, rt.to_list(a[0]));
    // len(items) // slices
    SQ_TRY([[maybe_unused]] const Value per,
           rt.binary(py::BinaryOp::kFloorDiv, Value(static_cast<int64_t>(items.size())), a[1]));
    SQ_TRY(const int64_t slices, to_index(rt, a[1]));
    if (slices == 0) return raise("ZeroDivisionError", "integer division or modulo by zero");
    List out;
    if (slices < 0) return out;
    SQ_CHECK(rt.charge(static_cast<uint64_t>(slices)));
    const size_t per_slice = items.size() / static_cast<size_t>(slices);
    const size_t with_extra = items.size() % static_cast<size_t>(slices);
    size_t start = 0;
    for (size_t i = 0; i < static_cast<size_t>(slices); ++i) {
      const size_t end = start + per_slice + (i < with_extra ? 1 : 0);
      List part(items.begin() + static_cast<ptrdiff_t>(start), items.begin() + static_cast<ptrdiff_t>(end));
      if (!a[2].is_null() && i >= with_extra) part.push_back(a[2]);
      out.push_back(Value(std::move(part)));
      start = end;
    }
    return out;
  });
}

// A set of hashable values: text and numbers by hash, everything else one by one.
class SeenValues {
  static constexpr uint64_t kHashSteps = 16;

 public:
  explicit SeenValues(Runtime& rt) : rt_(rt) {}

  // False when it was there.
  Result<bool> insert(const Value& value) {
    if (is_strict_undefined(value)) return raise_undefined(value);
    if (!rt_.is_hashable(value)) return type_error("unhashable type: '" + std::string(rt_.type_name(value)) + "'");
    SQ_CHECK(rt_.charge(kHashSteps));
    if (auto key = hash_key(value)) return keys_.insert(*std::move(key)).second;
    SQ_TRY(const bool known, rt_.contains(value, Value(others_)));
    if (!known) others_.push_back(value);
    return !known;
  }

 private:
  // Equal texts have equal keys, and so have True, 1 and 1.0.
  static std::optional<std::string> hash_key(const Value& value) {
    if (value.is_string() || value.kind() == Kind::kMarkup) return "s" + std::string(value.as_string());
    if (py::is_integer(value)) return "n" + python::str(py::positive(value));
    if (!value.is_double()) return std::nullopt;
    const double number = value.as_double();
    const bool is_whole = std::isfinite(number) && number == std::floor(number);
    if (std::isnan(number)) return std::nullopt;
    return "n" + (is_whole ? python::str(integer_from_double(number)) : python::float_repr(number));
  }

  Runtime& rt_;
  std::unordered_set<std::string> keys_;
  List others_;
};

Result<Value> unique(Runtime& rt, const Bound& a) {
  return lazily("sync_do_unique", [&]() -> Result<List> {
    SQ_TRY(const bool case_sensitive, rt.truthy(a.value_or(1, false)));
    SQ_TRY(const AttributeGetter getter, AttributeGetter::parse(rt, a[2]));
    SQ_TRY(const List items, rt.to_list(a[0]));
    SeenValues seen(rt);
    List out;
    for (const Value& item : items) {
      SQ_TRY(Value key, getter.get(rt, item));
      SQ_TRY(const bool is_new, seen.insert(case_sensitive ? key : ignore_case(key)));
      if (is_new) out.push_back(item);
    }
    return out;
  });
}

Result<Value> items(Runtime& rt, const Bound& a) {
  return lazily("do_items", [&]() -> Result<List> {
    List pairs;
    if (is_undefined(a[0])) return pairs;
    const Value& now = rt.resolve(a[0]);
    if (!rt.is_mapping(now)) return type_error("Can only get item pairs from a mapping.");
    for (const auto& [key, member] : dict_entries(now)) pairs.push_back(Value::tuple({key, member}));
    return pairs;
  });
}

Result<Value> sum(Runtime& rt, const Bound& a) {
  SQ_TRY(const AttributeGetter getter, AttributeGetter::parse(rt, a[1]));
  Value total = a.value_or(2, 0);
  SQ_TRY(const List addends, rt.to_list(a[0]));
  if (total.is_string()) return type_error("sum() can't sum strings [use ''.join(seq) instead]");
  for (const Value& item : addends) {
    SQ_TRY(const Value value, getter.get(rt, item));
    SQ_TRY(total, rt.binary(py::BinaryOp::kAdd, total, value));
  }
  return total;
}

}  // namespace

std::span<const Filter> list_filters() {
  static const Filter kFilters[] = {
      {"batch", Signature("do_batch: value linecount fill_with?"), batch, {}},
      {"count", Signature("len!: obj"), length, {}},
      {"dictsort", Signature("do_dictsort: value case_sensitive? by? reverse?"), dict_sort, {}},
      {"first", Signature("sync_do_first: environment~ seq"), first, {}},
      {"groupby", Signature("sync_do_groupby: environment~ value attribute default? case_sensitive?"), group_by, {}},
      {"items", Signature("do_items: value"), items, {}},
      {"join", Signature("sync_do_join: eval_ctx~ value d? attribute?"), join, {}},
      {"last", Signature("do_last: environment~ seq"), last, {}},
      {"length", Signature("len!: obj"), length, {}},
      {"list", Signature("sync_do_list: value"), list, {}},
      {"max", Signature("do_max: environment~ value case_sensitive? attribute?"), extreme<CompareOp::kGt>, {}},
      {"min", Signature("do_min: environment~ value case_sensitive? attribute?"), extreme<CompareOp::kLt>, {}},
      {"random", Signature("do_random: context~ seq"), random, {}},
      {"reverse", Signature("do_reverse: value"), reverse, {}},
      {"slice", Signature("sync_do_slice: value slices fill_with?"), slice, {}},
      {"sort", Signature("do_sort: environment~ value reverse? case_sensitive? attribute?"), sort, {}},
      {"sum", Signature("sync_do_sum: environment~ iterable attribute? start?"), sum, {}},
      {"unique", Signature("sync_do_unique: environment~ value case_sensitive? attribute?"), unique, {}},
  };
  return kFilters;
}

}  // namespace squall::expr::jinja
