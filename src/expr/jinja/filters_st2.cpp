// StackStorm's own filters (st2common/expressions/functions).
#include <algorithm>

#include "base/strings.hpp"
#include "expr/jinja/filters.hpp"
#include "expr/jinja/methods.hpp"
#include "text/human_time.hpp"
#include "text/jsonpath.hpp"
#include "text/regex.hpp"
#include "text/semver.hpp"
#include "value/json.hpp"
#include "value/mapping.hpp"
#include "value/python.hpp"
#include "value/yaml.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;

namespace {

bool is_text(const Value& value) { return value.is_string() || value.kind() == Kind::kMarkup; }

Result<Value> as_value(Result<std::string> text) {
  if (!text) return fail(std::move(text).error());
  return Value(*std::move(text));
}

// --- JSON and YAML
// ----------------------------------------------------------------------------------------------------

Result<Value> from_json_string(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string text, rt.str(a[0]));
  SQ_CHECK(rt.charge(1 + text.size() / 64));
  return parse_json(text, JsonDialect::kOrjson);
}

Result<Value> to_json_string(Runtime& rt, const Bound& a) {
  PythonJsonOptions options;
  options.indent = a[1];
  SQ_TRY(options.sort_keys, rt.truthy(a.value_or(2, false)));
  options.item_separator = ",";
  if (a.has(3) && a[3].is_null()) {
    // json.dumps' own choice.
    options.item_separator = a[1].is_null() ? ", " : ",";
  } else if (a.has(3)) {
    SQ_TRY(const List separators, rt.to_list(a[3]));
    if (separators.size() != 2) {
      return py::value_error(separators.size() < 2 ? "not enough values to unpack (expected 2, got " +
                                                         std::to_string(separators.size()) + ")"
                                                   : "too many values to unpack (expected 2)");
    }
    SQ_TRY(options.item_separator, rt.str(separators[0]));
    SQ_TRY(options.key_separator, rt.str(separators[1]));
  }
  return as_value(python_json(rt, a[0], options));
}

Result<Value> to_complex(Runtime& rt, const Bound& a) { return as_value(python_json(rt, a[0])); }

Result<Value> json_escape(Runtime& rt, const Bound& a) {
  SQ_TRY(std::string text, python_json(rt, a[0]));
  // All quotes at both ends go, also one that belonged to an escape.
  const size_t start = text.find_first_not_of('"');
  if (start == std::string::npos) return Value("");
  return Value(text.substr(start, text.find_last_not_of('"') - start + 1));
}

Result<Value> from_yaml_string(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string text, rt.str(a[0]));
  SQ_CHECK(rt.charge(1 + text.size() / 64));
  YamlProblem problem;
  YamlOptions options;
  options.problem = &problem;
  auto document = parse_yaml(text, options);
  if (document || problem.problem.empty()) return document;
  // PyYAML's words; the error's own position would be taken for one in the template.
  return fail(Error(document.error().code(), problem.text()).with_type(document.error().type()));
}

// YAML has lists and dicts, so objects become those first.
Result<Value> to_plain(Runtime& rt, const Value& value) {
  SQ_TRY(const Nested nested, Nested::enter(rt));
  SQ_TRY(const Value now, rt.freeze(value));
  if (now.is_list() || now.kind() == Kind::kTuple) {
    List items;
    for (const Value& item : now.as_list()) {
      SQ_TRY(Value plain, to_plain(rt, item));
      items.push_back(std::move(plain));
    }
    return now.is_list() ? Value(std::move(items)) : Value::tuple(std::move(items));
  }
  if (rt.is_mapping(now)) {
    squall::Mapping::Entries entries;
    for (const auto& [key, member] : dict_entries(now)) {
      SQ_TRY(Value plain_key, to_plain(rt, key));
      SQ_TRY(Value plain, to_plain(rt, member));
      entries.emplace_back(std::move(plain_key), std::move(plain));
    }
    return make_mapping(std::move(entries));
  }
  if (now.kind() != Kind::kObject && now.kind() != Kind::kMarkup && !is_undefined(now)) return now;
  SQ_TRY(const std::string shown, rt.repr(now));
  return raise("RepresenterError", "('cannot represent an object', " + shown + ")");
}

Result<Value> to_yaml_string(Runtime& rt, const Bound& a) {
  YamlStyle style;
  if (!a[1].is_null()) {
    SQ_TRY(const int64_t indent, to_index(rt, a[1]));
    style.indent = static_cast<int>(std::clamp<int64_t>(indent, 0, 64));
  }
  SQ_TRY(style.allow_unicode, rt.truthy(a.value_or(2, true)));
  SQ_TRY(const Value plain, to_plain(rt, a[0]));
  SQ_TRY(std::string text, write_yaml(plain, style));
  SQ_CHECK(rt.charge_text(text.size()));
  // StackStorm takes off the mark that ends a document of one scalar.
  if (text.ends_with("\n...\n")) text.resize(text.size() - 4);
  return Value(std::move(text));
}

// The lexer of jsonpath-rw takes the first character, query[:1], and expects a text.
tl::unexpected<Error> not_a_path(Runtime& rt, const Value& query) {
  const std::string type(rt.type_name(query));
  if (is_undefined(query)) return raise_undefined(query);
  if (query.is_list() || query.kind() == Kind::kTuple) return py::value_error("Expected a string");
  if (rt.is_mapping(query)) return type_error("unhashable type: 'slice'");
  return type_error("'" + type + "' object is not subscriptable");
}

Result<Value> jsonpath_query(Runtime& rt, const Bound& a) {
  if (!is_text(a[1])) return not_a_path(rt, a[1]);
  SQ_TRY(const JsonPath path, JsonPath::parse(a[1].as_string()));
  // Every step but the root looks into the value.
  if (is_strict_undefined(a[0]) && trim(a[1].as_string()) != "$") return raise_undefined(a[0]);
  SQ_TRY(const Value data, rt.freeze(a[0]));
  SQ_TRY(const auto matches, path.find(data));
  if (matches.empty()) return Value();
  SQ_CHECK(rt.charge(matches.size()));
  List values;
  for (const JsonPathMatch& match : matches) values.push_back(match.value);
  return Value(std::move(values));
}

// --- Regular expressions
// ------------------------------------------------------------------------------------------------

// Steps of one match cost more than steps of a template.
constexpr uint64_t kRegexSteps = 20;
// Steps of a template for a microsecond of a slow match.
constexpr uint64_t kStepsPerMicrosecond = 15;

// Charges for the time that slow matches took while it lived.
class RegexTime {
 public:
  explicit RegexTime(Runtime& rt) : rt_(rt) {}
  Status charge() const { return rt_.charge((regex_slow_microseconds() - before_) * kStepsPerMicrosecond); }

 private:
  Runtime& rt_;
  uint64_t before_ = regex_slow_microseconds();
};

Result<Regex> compile(Runtime& rt, const Value& pattern, const Value& ignore_case) {
  SQ_CHECK(rt.charge(kRegexSteps));
  SQ_TRY(const bool flag, rt.truthy(ignore_case));
  if (!is_text(pattern)) {
    // re looks into its cache first.
    if (is_strict_undefined(pattern)) return raise_undefined(pattern);
    if (!rt.is_hashable(pattern)) return type_error("unhashable type: '" + std::string(rt.type_name(pattern)) + "'");
    return type_error("first argument must be string or compiled pattern");
  }
  return Regex::compile_cached(pattern.as_string(), {.ignore_case = flag});
}

Result<Value> regex_match(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string text, rt.str(a[0]));
  SQ_TRY(const Regex regex, compile(rt, a[1], a[2]));
  const RegexTime time(rt);
  SQ_TRY(const auto match, regex.match(text));
  SQ_CHECK(time.charge());
  return Value(match.has_value());
}

Result<Value> regex_search(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string text, rt.str(a[0]));
  SQ_TRY(const Regex regex, compile(rt, a[1], a[2]));
  const RegexTime time(rt);
  SQ_TRY(const auto match, regex.search(text));
  SQ_CHECK(time.charge());
  return Value(match.has_value());
}

Result<Value> regex_replace(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string text, rt.str(a[0]));
  SQ_TRY(const Regex regex, compile(rt, a[1], a[3]));
  if (!is_text(a[2])) {
    if (is_strict_undefined(a[2])) return raise_undefined(a[2]);
    if (!rt.is_hashable(a[2])) return type_error("unhashable type: '" + std::string(rt.type_name(a[2])) + "'");
    return type_error("decoding to str: need a bytes-like object, " + std::string(rt.type_name(a[2])) + " found");
  }
  const RegexTime time(rt);
  SQ_TRY(auto replaced, regex.substitute(text, a[2].as_string()));
  SQ_CHECK(time.charge());
  SQ_CHECK(rt.charge_text(replaced.first.size()));
  return Value(std::move(replaced.first));
}

Result<Value> regex_substring(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string text, rt.str(a[0]));
  SQ_TRY(const Regex regex, compile(rt, a[1], a[3]));
  const RegexTime time(rt);
  SQ_TRY(const auto matches, regex.find_all(text));
  SQ_CHECK(time.charge());
  const Value at = a.value_or(2, 0);
  if (!py::is_integer(at)) {
    return type_error("list indices must be integers or slices, not " + std::string(rt.type_name(at)));
  }
  const auto given = py::to_int64(at);
  if (!given) return raise("IndexError", "cannot fit 'int' into an index-sized integer");
  int64_t index = *given;
  if (index < 0) index += static_cast<int64_t>(matches.size());
  if (index < 0 || index >= static_cast<int64_t>(matches.size())) return raise("IndexError", "list index out of range");
  const RegexMatch& match = matches[static_cast<size_t>(index)];
  // re.findall: the text, the only group, or all groups.
  if (regex.group_count() == 0) return Value(match.group(text, 0));
  if (regex.group_count() == 1) return Value(match.group(text, 1));
  List groups;
  for (size_t group = 1; group <= regex.group_count(); ++group) groups.emplace_back(match.group(text, group));
  return Value::tuple(std::move(groups));
}

// --- Versions, times, paths
// ---------------------------------------------------------------------------------------------

// The plain value; semver names the class of what it does not understand.
Result<Value> version_argument(Runtime& rt, const Value& value) {
  if (!is_undefined(value)) return rt.freeze(value);
  return type_error("not expecting type '<class 'jinja2.runtime." + std::string(rt.type_name(value)) + "'>'");
}

Result<int> version_order(Runtime& rt, const Bound& a) {
  SQ_TRY(const Value version, version_argument(rt, a[0]));
  SQ_TRY(const Value other, rt.freeze(a[1]));
  return semver::version_compare(version, other);
}

Result<Value> version_compare(Runtime& rt, const Bound& a) {
  SQ_TRY(const int order, version_order(rt, a));
  return Value(order);
}

template <int Wanted>
Result<Value> version_is(Runtime& rt, const Bound& a) {
  SQ_TRY(const int order, version_order(rt, a));
  return Value(order == Wanted);
}

Result<Value> version_match(Runtime& rt, const Bound& a) {
  SQ_TRY(const Value version, version_argument(rt, a[0]));
  SQ_TRY(const Value expression, rt.freeze(a[1]));
  SQ_TRY(const bool matches, semver::version_match(version, expression));
  return Value(matches);
}

template <semver::Part P>
Result<Value> version_bump(Runtime& rt, const Bound& a) {
  SQ_TRY(const Value version, version_argument(rt, a[0]));
  return as_value(semver::version_bump(version, P));
}

Result<Value> version_strip_patch(Runtime& rt, const Bound& a) {
  SQ_TRY(const Value version, version_argument(rt, a[0]));
  return as_value(semver::version_strip_patch(version));
}

Result<Value> to_human_time(Runtime&, const Bound& a) { return as_value(human_time_from_seconds(a[0])); }

Result<Value> use_none(Runtime&, const Bound& a) { return a[0].is_null() ? Value(kNoneMarker) : a[0]; }

Result<std::string_view> path_text(Runtime& rt, const Value& value) {
  if (is_text(value) || value.kind() == Kind::kBytes) return value.as_string();
  return type_error("expected str, bytes or os.PathLike object, not " + std::string(rt.type_name(value)));
}

Result<Value> base_name(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string_view path, path_text(rt, a[0]));
  return Value(path.substr(path.rfind('/') + 1));
}

Result<Value> dir_name(Runtime& rt, const Bound& a) {
  SQ_TRY(const std::string_view path, path_text(rt, a[0]));
  const std::string_view head = path.substr(0, path.rfind('/') + 1);
  // Slashes at the end go, unless there is nothing else.
  const size_t last = head.find_last_not_of('/');
  return Value(last == std::string_view::npos ? head : head.substr(0, last + 1));
}

}  // namespace

std::span<const Filter> st2_filters() {
  static const Filter kFilters[] = {
      {"basename", Signature("basename: path"), base_name, {}},
      {"dirname", Signature("dirname: path"), dir_name, {}},
      {"from_json_string", Signature("from_json_string: value"), from_json_string, {}},
      {"from_yaml_string", Signature("from_yaml_string: value"), from_yaml_string, {}},
      {"json_escape", Signature("json_escape: value"), json_escape, {}},
      {"jsonpath_query", Signature("jsonpath_query: value query"), jsonpath_query, {}},
      {"regex_match", Signature("regex_match: value pattern ignorecase?"), regex_match, {}},
      {"regex_replace", Signature("regex_replace: value pattern replacement ignorecase?"), regex_replace, {}},
      {"regex_search", Signature("regex_search: value pattern ignorecase?"), regex_search, {}},
      {"regex_substring", Signature("regex_substring: value pattern result_index? ignorecase?"), regex_substring, {}},
      {"to_complex", Signature("to_complex: value"), to_complex, {}},
      {"to_human_time_from_seconds", Signature("to_human_time_from_seconds: seconds"), to_human_time, {}},
      {"to_json_string", Signature("to_json_string: value indent? sort_keys? separators?"), to_json_string, {}},
      {"to_yaml_string", Signature("to_yaml_string: value indent? allow_unicode?"), to_yaml_string, {}},
      {"use_none", Signature("use_none: value"), use_none, {}},
      {"version_bump_major", Signature("version_bump_major: value"), version_bump<semver::Part::kMajor>, {}},
      {"version_bump_minor", Signature("version_bump_minor: value"), version_bump<semver::Part::kMinor>, {}},
      {"version_bump_patch", Signature("version_bump_patch: value"), version_bump<semver::Part::kPatch>, {}},
      {"version_compare", Signature("version_compare: value pattern"), version_compare, {}},
      {"version_equal", Signature("version_equal: value pattern"), version_is<0>, {}},
      {"version_less_than", Signature("version_less_than: value pattern"), version_is<-1>, {}},
      {"version_match", Signature("version_match: value pattern"), version_match, {}},
      {"version_more_than", Signature("version_more_than: value pattern"), version_is<1>, {}},
      {"version_strip_patch", Signature("version_strip_patch: value"), version_strip_patch, {}},
  };
  return kFilters;
}

}  // namespace squall::expr::jinja
