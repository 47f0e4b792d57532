// How a violation is told, and which of several is told: jsonschema.exceptions.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "value/python.hpp"
#include "value/schema.hpp"
#include "value/schema_rules.hpp"

namespace squall::schema {

namespace {

constexpr size_t kPrettyWidth = 72;

// schema['properties']['x']
std::string indexed(std::string_view word, const List& steps, size_t count) {
  std::string text(word);
  for (size_t i = 0; i < count; ++i) text += fmt::format("[{}]", python::repr(steps[i]));
  return text;
}

std::string indented(const Value& value) {
  return fmt::format("    {}", replace_all(python::pretty(value, kPrettyWidth), "\n", "\n    "));
}

bool fits_own_type(const Violation& violation) {
  const Value& type = violation.schema["type"];
  if (type.is_string()) return is_type(violation.instance, type.as_string());
  if (!type.is_list()) return false;
  return std::any_of(type.as_list().begin(), type.as_list().end(),
                     [&](const Value& name) { return is_type(violation.instance, name.string_or("")); });
}

bool is_weak(const Violation& violation) { return violation.keyword == "anyOf" || violation.keyword == "oneOf"; }

// Steps of the same place are of the same kind.
bool step_less(const Value& a, const Value& b) {
  if (a.is_string() && b.is_string()) return a.as_string() < b.as_string();
  return a.int_or(0) < b.int_or(0);
}

// by_relevance(): greater is told rather.
bool less_relevant(const Violation& a, const Violation& b) {
  if (a.steps.size() != b.steps.size()) return a.steps.size() > b.steps.size();
  for (size_t i = 0; i < a.steps.size(); ++i) {
    if (step_less(a.steps[i], b.steps[i])) return true;
    if (step_less(b.steps[i], a.steps[i])) return false;
  }
  if (is_weak(a) != is_weak(b)) return is_weak(a);
  return fits_own_type(a) && !fits_own_type(b);
}

}  // namespace

std::string Violation::text() const {
  return fmt::format("{}\n\nFailed validating {} in {}:\n{}\n\nOn {}:\n{}", message, python::repr(Value(keyword)),
                     indexed("schema", schema_steps, schema_steps.empty() ? 0 : schema_steps.size() - 1),
                     indented(schema), indexed("instance", steps, steps.size()), indented(instance));
}

const Violation& best_match(const std::vector<Violation>& violations) {
  SQ_ASSERT(!violations.empty());
  const Violation* best = &*std::max_element(violations.begin(), violations.end(), less_relevant);
  // Of alternatives the deepest failure says most, unless two are as good as each other.
  while (!best->alternatives.empty()) {
    const std::vector<Violation>& parts = best->alternatives;
    const auto least = std::min_element(parts.begin(), parts.end(), less_relevant);
    const bool unique = std::none_of(parts.begin(), parts.end(), [&](const Violation& other) {
      return &other != &*least && !less_relevant(*least, other);
    });
    if (!unique) return *best;
    best = &*least;
  }
  return *best;
}

}  // namespace squall::schema
