#include "rules/operators.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "base/strings.hpp"
#include "expr/python/numbers.hpp"
#include "expr/python/text.hpp"
#include "text/dates.hpp"
#include "text/regex_value.hpp"
#include "text/wildcard.hpp"
#include "value/python.hpp"

namespace squall::rules {
namespace {

using Function = Result<bool> (*)(const Value& value, const Value& pattern, Timestamp now);

tl::unexpected<Error> python_error(const char* type, std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type(type));
}

bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }

Result<std::string> lower(const Value& value) {
  if (is_text(value)) return expr::py::lower(value.as_string());
  return python_error("AttributeError", fmt::format("'{}' object has no attribute 'lower'", value.type_name()));
}

Result<bool> negated(Result<bool> result) {
  if (result) *result = !*result;
  return result;
}

Result<bool> equals(const Value& value, const Value& pattern, Timestamp) { return python::equal(value, pattern); }
Result<bool> differs(const Value& value, const Value& pattern, Timestamp) { return !python::equal(value, pattern); }

Result<bool> equals_ignore_case(const Value& value, const Value& pattern, Timestamp) {
  SQ_TRY(const std::string left, lower(value));
  SQ_TRY(const std::string right, lower(pattern));
  return left == right;
}

Result<bool> contains(const Value& value, const Value& pattern, Timestamp) { return python::in(pattern, value); }
Result<bool> contains_not(const Value& value, const Value& pattern, Timestamp) {
  return negated(python::in(pattern, value));
}

Result<bool> contains_ignore_case(const Value& value, const Value& pattern, Timestamp) {
  SQ_TRY(const std::string part, lower(pattern));
  SQ_TRY(const std::string whole, lower(value));
  return whole.find(part) != std::string::npos;
}
Result<bool> contains_not_ignore_case(const Value& value, const Value& pattern, Timestamp now) {
  return negated(contains_ignore_case(value, pattern, now));
}

// str.startswith and str.endswith.
Result<bool> has_affix(const char* method, const Value& value, const Value& pattern) {
  if (!is_text(value)) {
    return python_error("AttributeError", fmt::format("'{}' object has no attribute '{}'", value.type_name(), method));
  }
  if (!is_text(pattern)) {
    return python_error("TypeError",
                        fmt::format("{} first arg must be str or a tuple of str, not {}", method, pattern.type_name()));
  }
  const bool at_start = std::string_view(method) == "startswith";
  return at_start ? value.as_string().starts_with(pattern.as_string())
                  : value.as_string().ends_with(pattern.as_string());
}

Result<bool> starts_with(const Value& value, const Value& pattern, Timestamp) {
  return has_affix("startswith", value, pattern);
}
Result<bool> ends_with(const Value& value, const Value& pattern, Timestamp) {
  return has_affix("endswith", value, pattern);
}
Result<bool> starts_with_ignore_case(const Value& value, const Value& pattern, Timestamp) {
  SQ_TRY(const std::string whole, lower(value));
  SQ_TRY(const std::string part, lower(pattern));
  return whole.starts_with(part);
}
Result<bool> ends_with_ignore_case(const Value& value, const Value& pattern, Timestamp) {
  SQ_TRY(const std::string whole, lower(value));
  SQ_TRY(const std::string part, lower(pattern));
  return whole.ends_with(part);
}

Result<bool> less_than(const Value& value, const Value& pattern, Timestamp) { return python::less(value, pattern); }

// a > b is b < a, but Python names the operands of a refusal the other way round.
Result<bool> greater_than(const Value& value, const Value& pattern, Timestamp) {
  Result<bool> less = python::less(pattern, value);
  if (less) return less;
  constexpr std::string_view kPrefix = "'<' not supported between instances of '";
  const std::string_view message = less.error().message();
  const size_t middle = message.find("' and '");
  if (!message.starts_with(kPrefix) || middle == std::string_view::npos) return less;
  const std::string_view first = message.substr(kPrefix.size(), middle - kPrefix.size());
  const std::string_view second = message.substr(middle + 7, message.size() - middle - 8);
  return python_error("TypeError", fmt::format("'>' not supported between instances of '{}' and '{}'", second, first));
}

Result<bool> match_wildcard(const Value& value, const Value& pattern, Timestamp) {
  for (const Value* operand : {&value, &pattern}) {
    if (is_text(*operand)) continue;
    return python_error("TypeError",
                        fmt::format("expected str, bytes or os.PathLike object, not {}", operand->type_name()));
  }
  return wildcard_match(pattern.as_string(), value.as_string());
}

template <RegexMode kMode>
Result<bool> match_regex(const Value& value, const Value& pattern, Timestamp) {
  SQ_TRY(const Regex regex, compile_pattern(kMode, pattern));
  return matches(kMode, regex, value);
}

// float() of Python.
Result<double> to_float(const Value& value) {
  if (is_text(value)) return expr::py::parse_float(value.as_string());
  if (expr::py::is_numeric(value)) return expr::py::to_double(value);
  return python_error("TypeError",
                      fmt::format("float() argument must be a string or a real number, not '{}'", value.type_name()));
}

// Seconds from the date that the value names until now.
Result<double> seconds_since(const Value& value, Timestamp now) {
  SQ_TRY(const Timestamp then, parse_lenient_date(python::str(value), now));
  return static_cast<double>((now - then).count()) / 1e6;
}

Result<bool> time_difference_less(const Value& value, const Value& pattern, Timestamp now) {
  SQ_TRY(const double seconds, seconds_since(value, now));
  SQ_TRY(const double limit, to_float(pattern));
  return seconds < limit;
}
Result<bool> time_difference_greater(const Value& value, const Value& pattern, Timestamp now) {
  SQ_TRY(const double seconds, seconds_since(value, now));
  SQ_TRY(const double limit, to_float(pattern));
  return seconds > limit;
}

Result<bool> exists(const Value& value, const Value&, Timestamp) { return !value.is_null(); }
Result<bool> exists_not(const Value& value, const Value&, Timestamp) { return value.is_null(); }
Result<bool> inside(const Value& value, const Value& pattern, Timestamp) { return python::in(value, pattern); }
Result<bool> inside_not(const Value& value, const Value& pattern, Timestamp) {
  return negated(python::in(value, pattern));
}

struct Operator {
  std::string_view name;
  Function evaluate;
  bool null_pattern = false;  // a null pattern is compared, instead of being a miss
};

constexpr std::array kOperators = {
    Operator{"matchwildcard", match_wildcard},
    Operator{"matchregex", match_regex<RegexMode::kMatchDotAll>},
    Operator{"regex", match_regex<RegexMode::kSearch>},
    Operator{"iregex", match_regex<RegexMode::kSearchIgnoreCase>},
    Operator{"eq", equals},
    Operator{"equals", equals},
    Operator{"neq", differs, true},
    Operator{"nequals", differs, true},
    Operator{"ieq", equals_ignore_case},
    Operator{"iequals", equals_ignore_case},
    Operator{"contains", contains},
    Operator{"icontains", contains_ignore_case},
    Operator{"ncontains", contains_not},
    Operator{"incontains", contains_not_ignore_case},
    Operator{"startswith", starts_with},
    Operator{"istartswith", starts_with_ignore_case},
    Operator{"endswith", ends_with},
    Operator{"iendswith", ends_with_ignore_case},
    Operator{"lt", less_than},
    Operator{"lessthan", less_than},
    Operator{"gt", greater_than},
    Operator{"greaterthan", greater_than},
    Operator{"td_lt", time_difference_less},
    Operator{"timediff_lt", time_difference_less},
    Operator{"td_gt", time_difference_greater},
    Operator{"timediff_gt", time_difference_greater},
    Operator{"exists", exists, true},
    Operator{"nexists", exists_not, true},
    Operator{"inside", inside},
    Operator{"in", inside},
    Operator{"ninside", inside_not},
    Operator{"nin", inside_not},
    Operator{"search", nullptr},
};

// Number of single-character edits between two words.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

Value without_bytes(const Value& value) { return value.kind() == Kind::kBytes ? Value(value.as_string()) : value; }

}  // namespace

const std::vector<std::string>& operator_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Operator& op : kOperators) all.emplace_back(op.name);
    return all;
  }();
  return names;
}

bool is_operator(std::string_view name) {
  return std::any_of(kOperators.begin(), kOperators.end(), [&](const Operator& op) { return op.name == name; });
}

std::string closest_operator(std::string_view name) {
  const std::string wanted = to_lower(trim(name));
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, wanted.size() / 3) + 1;
  for (const Operator& op : kOperators) {
    const size_t distance = edit_distance(wanted, op.name);
    if (distance >= best_distance) continue;
    best = op.name;
    best_distance = distance;
  }
  return std::string(best);
}

Result<bool> evaluate_operator(std::string_view name, const Value& payload_value, const Value& pattern, Timestamp now) {
  const std::string lowered = to_lower(name);
  const auto op =
      std::find_if(kOperators.begin(), kOperators.end(), [&](const Operator& known) { return known.name == lowered; });
  if (op == kOperators.end()) return python_error("Exception", fmt::format("Invalid operator: {}", lowered));
  if (op->evaluate == nullptr) return python_error("Exception", "search compares children, not one value");
  if (pattern.is_null() && !op->null_pattern) return false;
  if (payload_value.kind() == Kind::kBytes || pattern.kind() == Kind::kBytes) {
    return op->evaluate(without_bytes(payload_value), without_bytes(pattern), now);
  }
  return op->evaluate(payload_value, pattern, now);
}

std::optional<RegexMode> regex_mode(std::string_view name) {
  if (name == "regex") return RegexMode::kSearch;
  if (name == "iregex") return RegexMode::kSearchIgnoreCase;
  if (name == "matchregex") return RegexMode::kMatchDotAll;
  return std::nullopt;
}

Result<Regex> compile_pattern(RegexMode mode, const Value& pattern) {
  return compile_regex(
      pattern, {.ignore_case = mode == RegexMode::kSearchIgnoreCase, .dot_all = mode == RegexMode::kMatchDotAll});
}

Result<bool> matches(RegexMode mode, const Regex& regex, const Value& payload_value) {
  SQ_TRY(const std::string_view text, regex_subject(payload_value));
  SQ_TRY(const auto match, mode == RegexMode::kMatchDotAll ? regex.match(text) : regex.search(text));
  return match.has_value();
}

}  // namespace squall::rules
