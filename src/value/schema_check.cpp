// jsonschema's iter_errors() for draft 4: every keyword is one function, violations come in the order of the schema's
// keys.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/limits.hpp"
#include "base/strings.hpp"
#include "value/python.hpp"
#include "value/schema.hpp"
#include "value/schema_rules.hpp"

namespace squall::schema {

namespace {

using python::repr;

PatternMatcher matcher = nullptr;

constexpr std::string_view kNoMatcher = "regular expressions are not available to check the pattern";

bool matches(std::string_view pattern, std::string_view text) { return matcher != nullptr && matcher(pattern, text); }

bool is_true(const Value& value) { return value.truthy(); }

// Equal values have equal hashes: 1 and 1.0 are equal.
size_t rough_hash(const Value& value) {
  if (value.is_int() || value.is_double()) return std::hash<double>()(value.as_double());
  if (value.is_string()) return std::hash<std::string_view>()(value.as_string());
  size_t hash = value.size() + static_cast<size_t>(value.kind()) * 31;
  if (value.is_list()) {
    for (const Value& item : value.as_list()) hash = hash * 31 + rough_hash(item);
  } else if (value.is_dict()) {
    for (const auto& [key, member] : value.as_dict()) hash += std::hash<std::string>()(key) ^ rough_hash(member) * 31;
  } else if (value.is_bool()) {
    hash += value.as_bool() ? 1 : 0;
  }
  return hash;
}

bool has_duplicates(const List& items) {
  std::unordered_multimap<size_t, const Value*> seen;
  for (const Value& item : items) {
    const size_t hash = rough_hash(item);
    const auto [first, last] = seen.equal_range(hash);
    if (std::any_of(first, last, [&](const auto& other) { return *other.second == item; })) return true;
    seen.emplace(hash, &item);
  }
  return false;
}

bool is_multiple(const Value& instance, const Value& divisor) {
  if (divisor.is_double() || instance.is_double()) {
    const double quotient = instance.as_double() / divisor.as_double();
    if (std::isinf(quotient)) return std::fmod(instance.as_double(), divisor.as_double()) == 0;
    return std::trunc(quotient) == quotient;
  }
  if (instance.kind() == Kind::kInt && divisor.kind() == Kind::kInt) {
    return divisor.as_int() == -1 || instance.as_int() % divisor.as_int() == 0;
  }
  return std::fmod(instance.as_double(), divisor.as_double()) == 0;
}

std::string joined_reprs(const List& items) {
  std::vector<std::string> parts;
  for (const Value& item : items) parts.push_back(repr(item));
  return join(parts, ", ");
}

class Checker {
 public:
  explicit Checker(const Value& root) : root_(root) {}

  std::vector<Violation> run(const Value& value) {
    std::vector<Violation> found;
    check(value, root_, found);
    return found;
  }

 private:
  using Found = std::vector<Violation>;
  using Keyword = void (Checker::*)(const Value& wanted, const Value& instance, const Value& schema, Found& found);

  static const std::unordered_map<std::string_view, Keyword>& keywords();

  void check(const Value& instance, const Value& schema, Found& found) {
    if (!schema.is_dict()) return;
    if (++depth_ > limits::kJsonDepthMax) {
      add(found, fmt::format("the schema is nested deeper than {} levels", limits::kJsonDepthMax), instance, schema,
          "$ref");
    } else if (schema.contains("$ref")) {  // what stands beside a reference does not count
      reference(schema["$ref"], instance, schema, found);
    } else {
      for (const auto& [name, wanted] : schema.as_dict()) {
        const auto keyword = keywords().find(name);
        if (keyword == keywords().end()) continue;
        const size_t before = found.size();
        (this->*keyword->second)(wanted, instance, schema, found);
        for (size_t i = before; i < found.size(); ++i) {
          if (found[i].keyword.empty()) found[i].keyword = name;
          found[i].schema_steps.insert(found[i].schema_steps.begin(), Value(name));
        }
      }
    }
    --depth_;
  }

  // Checks a part; `step` and `schema_step` lead there and are null when one stays where one is.
  void descend(const Value& instance, const Value& schema, const Value& step, const Value& schema_step, Found& found) {
    const size_t before = found.size();
    if (!step.is_null()) way_.push_back(step);
    check(instance, schema, found);
    if (!step.is_null()) way_.pop_back();
    for (size_t i = before; i < found.size(); ++i) {
      if (!step.is_null()) found[i].steps.insert(found[i].steps.begin(), step);
      if (!schema_step.is_null()) found[i].schema_steps.insert(found[i].schema_steps.begin(), schema_step);
    }
  }

  Violation& add(Found& found, std::string message, const Value& instance, const Value& schema,
                 std::string keyword = {}) {
    Violation& violation = found.emplace_back();
    violation.path = path();
    violation.message = std::move(message);
    violation.keyword = std::move(keyword);
    violation.instance = instance;
    violation.schema = schema;
    return violation;
  }

  std::string path() const {
    std::string text = "$";
    for (const Value& step : way_) {
      text += step.is_string() ? fmt::format(".{}", step.as_string()) : fmt::format("[{}]", step.as_int());
    }
    return text;
  }

  bool is_valid(const Value& instance, const Value& schema) {
    Found found;
    check(instance, schema, found);
    return found.empty();
  }

  // "#" or "#/definitions/x": a JSON pointer into the schema.
  void reference(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    const std::string pointer = wanted.string();
    const Value* at = &root_;
    bool known = pointer.substr(0, 1) == "#" && (pointer.size() == 1 || pointer[1] == '/');
    if (known && pointer.size() > 1) {
      for (const std::string& step : split(std::string_view(pointer).substr(2), '/')) {
        const auto decoded = percent_decode(step);
        const std::string name = replace_all(replace_all(decoded ? *decoded : step, "~1", "/"), "~0", "~");
        known = known && (at->is_list() ? parse_int(name).value_or(-1) >= 0 : at->contains(name));
        at = at->is_list() ? &(*at)[static_cast<size_t>(parse_int(name).value_or(-1))] : &(*at)[name];
      }
    }
    if (!known) {
      add(found, "Unresolvable: " + pointer, instance, schema, "$ref");
      return;
    }
    check(instance, *at, found);
  }

  void type(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    const List types = wanted.is_list() ? wanted.as_list() : List{wanted};
    const bool fits = std::any_of(types.begin(), types.end(), [&](const Value& name) {
      return !name.is_string() || is_type(instance, name.as_string());
    });
    if (!fits) add(found, repr(instance) + " is not of type " + joined_reprs(types), instance, schema);
  }

  void enumeration(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!wanted.is_list()) return;
    const List& allowed = wanted.as_list();
    if (std::find(allowed.begin(), allowed.end(), instance) != allowed.end()) return;
    add(found, repr(instance) + " is not one of " + repr(wanted), instance, schema);
  }

  // minimum and maximum; draft 4's exclusive limits are booleans beside them.
  void minimum(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    limit(wanted, instance, schema, found, true, is_true(schema["exclusiveMinimum"]));
  }
  void maximum(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    limit(wanted, instance, schema, found, false, is_true(schema["exclusiveMaximum"]));
  }
  void limit(const Value& wanted, const Value& instance, const Value& schema, Found& found, bool least,
             bool exclusive) {
    if (!is_type(instance, "number") || !wanted.is_number()) return;
    const bool beyond = least ? *python::less(instance, wanted) : *python::less(wanted, instance);
    if (!beyond && !(exclusive && python::equal(instance, wanted))) return;
    add(found,
        fmt::format("{} is {} than {}the {} of {}", repr(instance), least ? "less" : "greater",
                    exclusive ? "or equal to " : "", least ? "minimum" : "maximum", repr(wanted)),
        instance, schema);
  }

  void multiple_of(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!instance.is_int() && !instance.is_double()) return;
    if ((!wanted.is_int() && !wanted.is_double()) || wanted.as_double() == 0 || is_multiple(instance, wanted)) return;
    add(found, fmt::format("{} is not a multiple of {}", repr(instance), repr(wanted)), instance, schema);
  }

  // Of the size of a text, array or object.
  void size_limit(const Value& wanted, const Value& instance, const Value& schema, Found& found, size_t size,
                  bool least, std::string_view words) {
    if (!wanted.is_number()) return;
    const Value actual(static_cast<uint64_t>(size));
    if (!(least ? *python::less(actual, wanted) : *python::less(wanted, actual))) return;
    if (least && wanted == Value(1)) words = "should be non-empty";
    if (!least && wanted == Value(0)) words = "is expected to be empty";
    add(found, fmt::format("{} {}", repr(instance), words), instance, schema);
  }
  void min_length(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!is_type(instance, "string")) return;
    size_limit(wanted, instance, schema, found, utf8_length(instance.as_string()), true, "is too short");
  }
  void max_length(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!is_type(instance, "string")) return;
    size_limit(wanted, instance, schema, found, utf8_length(instance.as_string()), false, "is too long");
  }
  void min_items(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (instance.is_list()) size_limit(wanted, instance, schema, found, instance.size(), true, "is too short");
  }
  void max_items(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (instance.is_list()) size_limit(wanted, instance, schema, found, instance.size(), false, "is too long");
  }
  void min_properties(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!instance.is_dict()) return;
    size_limit(wanted, instance, schema, found, instance.size(), true, "does not have enough properties");
  }
  void max_properties(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (instance.is_dict()) {
      size_limit(wanted, instance, schema, found, instance.size(), false, "has too many properties");
    }
  }

  void pattern(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!is_type(instance, "string") || !wanted.is_string()) return;
    if (matcher == nullptr) {
      add(found, fmt::format("{} {}", kNoMatcher, repr(wanted)), instance, schema);
    } else if (!matches(wanted.as_string(), instance.as_string())) {
      add(found, fmt::format("{} does not match {}", repr(instance), repr(wanted)), instance, schema);
    }
  }

  void unique_items(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!is_true(wanted) || !instance.is_list() || !has_duplicates(instance.as_list())) return;
    add(found, repr(instance) + " has non-unique elements", instance, schema);
  }

  void items(const Value& wanted, const Value& instance, const Value&, Found& found) {
    if (!instance.is_list()) return;
    const List& list = instance.as_list();
    for (size_t i = 0; i < list.size(); ++i) {
      const Value index(static_cast<int64_t>(i));
      if (wanted.is_dict()) {
        descend(list[i], wanted, index, Value(), found);
      } else if (wanted.is_list() && i < wanted.size()) {
        descend(list[i], wanted[i], index, index, found);
      }
    }
  }

  void additional_items(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    const Value& first = schema["items"];
    if (!instance.is_list() || !first.is_list() || instance.size() <= first.size()) return;
    const List extras(instance.as_list().begin() + static_cast<ptrdiff_t>(first.size()), instance.as_list().end());
    if (wanted.is_dict()) {
      for (size_t i = 0; i < extras.size(); ++i) {
        descend(extras[i], wanted, Value(static_cast<int64_t>(first.size() + i)), Value(), found);
      }
    } else if (!is_true(wanted)) {
      add(found,
          fmt::format("Additional items are not allowed ({} {} unexpected)", joined_reprs(extras),
                      extras.size() == 1 ? "was" : "were"),
          instance, schema);
    }
  }

  void properties(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!instance.is_dict() || !wanted.is_dict()) return;
    for (const auto& [name, property] : wanted.as_dict()) {
      if (const Value* member = instance.as_dict().find(name)) {
        descend(*member, property, Value(name), Value(name), found);
      } else if (property["required"].bool_or(false)) {
        // Draft 3's way, which StackStorm kept.
        way_.emplace_back(name);
        Violation& violation = add(found, repr(Value(name)) + " is a required property", instance, schema, "required");
        way_.pop_back();
        violation.steps = {Value(name)};
        violation.schema_steps = {Value(name), Value("required")};
      }
    }
  }

  void pattern_properties(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!instance.is_dict() || !wanted.is_dict() || instance.empty()) return;
    for (const auto& [expression, property] : wanted.as_dict()) {
      if (matcher == nullptr) {
        add(found, fmt::format("{} {}", kNoMatcher, repr(Value(expression))), instance, schema);
        continue;
      }
      for (const auto& [name, member] : instance.as_dict()) {
        if (matches(expression, name)) descend(member, property, Value(name), Value(expression), found);
      }
    }
  }

  static bool is_declared(const Value& schema, std::string_view name) {
    if (schema["properties"].contains(name)) return true;
    const Value& patterns = schema["patternProperties"];
    if (!patterns.is_dict()) return false;
    return std::any_of(patterns.as_dict().begin(), patterns.as_dict().end(),
                       [&](const Dict::Entry& entry) { return matches(entry.key, name); });
  }

  void additional_properties(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!instance.is_dict()) return;
    std::vector<std::string> extras;
    for (const auto& [name, member] : instance.as_dict()) {
      if (is_declared(schema, name)) continue;
      extras.push_back(name);
      if (wanted.is_dict()) descend(member, wanted, Value(name), Value(), found);
    }
    if (wanted.is_dict() || is_true(wanted) || extras.empty()) return;
    std::sort(extras.begin(), extras.end());
    const std::string names = joined_reprs(List(extras.begin(), extras.end()));
    if (!schema.contains("patternProperties")) {
      add(found,
          fmt::format("Additional properties are not allowed ({} {} unexpected)", names,
                      extras.size() == 1 ? "was" : "were"),
          instance, schema);
      return;
    }
    List patterns;
    for (const auto& [expression, property] : schema["patternProperties"].as_dict()) patterns.emplace_back(expression);
    std::sort(patterns.begin(), patterns.end(),
              [](const Value& a, const Value& b) { return a.as_string() < b.as_string(); });
    add(found,
        fmt::format("{} {} not match any of the regexes: {}", names, extras.size() == 1 ? "does" : "do",
                    joined_reprs(patterns)),
        instance, schema);
  }

  // Draft 4's list of names. A boolean belongs to the object around: see properties().
  void required(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!wanted.is_list() || !instance.is_dict()) return;
    for (const Value& name : wanted.as_list()) {
      if (instance.contains(name.string_or(""))) continue;
      add(found, repr(name) + " is a required property", instance, schema);
    }
  }

  void dependencies(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!instance.is_dict() || !wanted.is_dict()) return;
    for (const auto& [name, dependency] : wanted.as_dict()) {
      if (!instance.contains(name)) continue;
      if (dependency.is_dict()) descend(instance, dependency, Value(), Value(name), found);
      if (!dependency.is_list()) continue;
      for (const Value& other : dependency.as_list()) {
        if (instance.contains(other.string_or(""))) continue;
        add(found, fmt::format("{} is a dependency of {}", repr(other), repr(Value(name))), instance, schema);
      }
    }
  }

  void all_of(const Value& wanted, const Value& instance, const Value&, Found& found) {
    for (size_t i = 0; wanted.is_list() && i < wanted.size(); ++i) {
      descend(instance, wanted[i], Value(), Value(static_cast<int64_t>(i)), found);
    }
  }

  // The first alternative that fits; the size of the list when none does, then with the reasons.
  size_t first_valid(const Value& wanted, const Value& instance, Found& reasons) {
    for (size_t i = 0; i < wanted.size(); ++i) {
      const size_t before = reasons.size();
      descend(instance, wanted[i], Value(), Value(static_cast<int64_t>(i)), reasons);
      if (reasons.size() == before) return i;
    }
    return wanted.size();
  }

  void none_valid(const Value& instance, const Value& schema, Found reasons, Found& found) {
    add(found, repr(instance) + " is not valid under any of the given schemas", instance, schema).alternatives =
        std::move(reasons);
  }

  void any_of(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!wanted.is_list()) return;
    Found reasons;
    if (first_valid(wanted, instance, reasons) == wanted.size()) {
      none_valid(instance, schema, std::move(reasons), found);
    }
  }

  void one_of(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!wanted.is_list()) return;
    Found reasons;
    const size_t first = first_valid(wanted, instance, reasons);
    if (first == wanted.size()) {
      none_valid(instance, schema, std::move(reasons), found);
      return;
    }
    List valid;
    for (size_t i = first + 1; i < wanted.size(); ++i) {
      if (is_valid(instance, wanted[i])) valid.push_back(wanted[i]);
    }
    if (valid.empty()) return;
    valid.push_back(wanted[first]);
    add(found, fmt::format("{} is valid under each of {}", repr(instance), joined_reprs(valid)), instance, schema);
  }

  void negation(const Value& wanted, const Value& instance, const Value& schema, Found& found) {
    if (!is_valid(instance, wanted)) return;
    add(found, fmt::format("{} should not be valid under {}", repr(instance), repr(wanted)), instance, schema);
  }

  const Value& root_;
  List way_;  // from the document to where we are
  size_t depth_ = 0;
};

const std::unordered_map<std::string_view, Checker::Keyword>& Checker::keywords() {
  static const std::unordered_map<std::string_view, Keyword> table = {
      {"type", &Checker::type},
      {"enum", &Checker::enumeration},
      {"minimum", &Checker::minimum},
      {"maximum", &Checker::maximum},
      {"multipleOf", &Checker::multiple_of},
      {"minLength", &Checker::min_length},
      {"maxLength", &Checker::max_length},
      {"minItems", &Checker::min_items},
      {"maxItems", &Checker::max_items},
      {"minProperties", &Checker::min_properties},
      {"maxProperties", &Checker::max_properties},
      {"pattern", &Checker::pattern},
      {"uniqueItems", &Checker::unique_items},
      {"items", &Checker::items},
      {"additionalItems", &Checker::additional_items},
      {"properties", &Checker::properties},
      {"patternProperties", &Checker::pattern_properties},
      {"additionalProperties", &Checker::additional_properties},
      {"required", &Checker::required},
      {"dependencies", &Checker::dependencies},
      {"allOf", &Checker::all_of},
      {"anyOf", &Checker::any_of},
      {"oneOf", &Checker::one_of},
      {"not", &Checker::negation},
  };
  return table;
}

}  // namespace

void set_pattern_matcher(PatternMatcher chosen) { matcher = chosen; }
PatternMatcher pattern_matcher() { return matcher; }

std::vector<Violation> check(const Value& value, const Value& full_schema, Nulls nulls) {
  const Value schema = nulls == Nulls::kForOptional ? with_nulls(full_schema) : full_schema;
  return Checker(schema).run(value);
}

}  // namespace squall::schema
