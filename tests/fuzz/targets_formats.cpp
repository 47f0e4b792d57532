#include <algorithm>
#include <chrono>

#include "base/strings.hpp"
#include "targets.hpp"
#include "text/cron_field.hpp"
#include "text/dates.hpp"
#include "text/human_time.hpp"
#include "text/jsonpath.hpp"
#include "text/regex.hpp"
#include "text/schedule.hpp"
#include "text/semver.hpp"
#include "text/wildcard.hpp"
#include "value/json.hpp"
#include "value/python.hpp"
#include "value/yaml.hpp"

namespace squall::fuzz {

namespace {

constexpr size_t kShownMax = 300;

std::string differs(std::string_view what, std::string_view before, std::string_view after) {
  return std::string(what) + ": " + std::string(before.substr(0, kShownMax)) + " became " +
         std::string(after.substr(0, kShownMax));
}

// What a writer made must read back as the same value.
std::string json_round_trip(const Value& value, const JsonStyle& style) {
  const auto text = write_json(value, style);
  if (!text) return "not written: " + text.error().to_string();
  const auto again = parse_json(*text, style.dialect);
  if (!again) return "not read back: " + again.error().to_string();
  // repr, because NaN is not equal to itself.
  const std::string before = python::repr(value);
  const std::string after = python::repr(*again);
  return before == after ? "" : differs("JSON", before, after);
}

// The text up to the next line break; `rest` goes on behind it.
std::string_view take_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return line;
}

bool has_tuples(const Value& value) {
  if (value.kind() == Kind::kTuple) return true;
  if (value.is_list()) return std::any_of(value.as_list().begin(), value.as_list().end(), has_tuples);
  if (!value.is_dict()) return false;
  return std::any_of(value.as_dict().begin(), value.as_dict().end(),
                     [](const auto& member) { return has_tuples(member.value); });
}

// A fixed moment, so that a finding can be repeated.
Timestamp fixed_now() { return Timestamp(std::chrono::seconds(1'767'225'600)); }

}  // namespace

std::string fuzz_json(std::string_view input) {
  if (const auto value = parse_json(input, JsonDialect::kOrjson)) {
    if (std::string problem = json_round_trip(*value, JsonStyle{}); !problem.empty()) return problem;
    if (std::string problem = json_round_trip(*value, JsonStyle::pretty()); !problem.empty()) return problem;
  }
  if (const auto value = parse_json(input, JsonDialect::kPython)) return json_round_trip(*value, JsonStyle::python());
  return "";
}

std::string fuzz_yaml(std::string_view input) {
  YamlProblem problem;
  YamlOptions options;
  options.unique_keys = true;
  options.problem = &problem;
  const auto document = parse_yaml_document(input, options);
  if (!document) {
    (void)problem.text();
    (void)parse_yaml_all(input);
    return "";
  }
  (void)document->position("a.0.b");
  const auto text = write_yaml(document->value);
  if (!text) return "";  // kinds that safe_dump refuses
  const auto again = parse_yaml(*text);
  if (!again) return "not read back: " + again.error().to_string() + " from " + *text;
  if (has_tuples(document->value)) return "";  // of !!omap and !!pairs, which are written as lists
  // A dict compares without order here, and safe_dump sorts.
  YamlStyle as_is;
  as_is.sort_keys = false;
  const auto unsorted = write_yaml(document->value, as_is);
  const auto same = unsorted ? parse_yaml(*unsorted) : again;
  if (!same) return "not read back: " + same.error().to_string();
  const std::string before = python::repr(document->value);
  const std::string after = python::repr(*same);
  return before == after ? "" : differs("YAML", before, after);
}

std::string fuzz_literal(std::string_view input) {
  const auto value = python::literal_eval(input);
  if (!value) return "";
  const std::string text = python::repr(*value);
  const auto again = python::literal_eval(text);
  if (!again) {
    // repr() of these is no literal.
    if (text.find("inf") != std::string::npos || text.find("set()") != std::string::npos) return "";
    return "not read back: " + again.error().to_string() + " from " + text.substr(0, kShownMax);
  }
  const std::string after = python::repr(*again);
  return text == after ? "" : differs("literal", text, after);
}

std::string fuzz_date(std::string_view input) {
  (void)parse_lenient_date(input, fixed_now());
  (void)parse_lenient_date_time(input, fixed_now());
  (void)parse_timestamp(input);
  if (const auto version = semver::parse(input)) {
    if (semver::compare(*version, *version) != 0) return "a version is not equal to itself";
    if (semver::compare(semver::parse(semver::bump(*version, semver::Part::kMajor)).value(), *version) <= 0)
      return "the next version is not later";
  }
  return "";
}

std::string fuzz_jsonpath(std::string_view input) {
  const std::string_view text = take_line(input);
  const auto path = JsonPath::parse(text);
  if (!path) return "";
  const auto data = parse_json(input, JsonDialect::kPython);
  const auto found = path->find(data ? *data : Value::dict({{"a", Value::list({1, Value::dict({{"b", 2}})})}}));
  if (!found) return "";
  for (const JsonPathMatch& match : *found) (void)python::repr(match.value);
  return "";
}

std::string fuzz_regex(std::string_view input) {
  const std::string_view pattern = take_line(input);
  const std::string_view replacement = take_line(input);
  RegexFlags flags;
  flags.ignore_case = pattern.size() % 2 == 1;
  flags.verbose = pattern.size() % 5 == 1;
  const auto literal = Regex::compile(Regex::escape(pattern));
  if (literal && is_valid_utf8(pattern)) {
    const auto match = literal->full_match(pattern);
    if (!match || !*match) return "an escaped text does not match itself: " + std::string(pattern);
  }
  const auto compiled = Regex::compile(pattern, flags);
  if (!compiled) return "";
  const auto all = compiled->find_all(input);
  for (size_t i = 0; all && i < all->size(); ++i) {
    for (const auto& span : (*all)[i].spans) {
      if (span && (span->first > span->second || span->second > input.size())) return "a span leaves the subject";
    }
  }
  (void)compiled->match(input);
  (void)compiled->substitute(input, replacement);
  (void)compiled->split(input, 3);
  return "";
}

std::string fuzz_cron(std::string_view input) {
  std::string rest(input.substr(0, input.find('\n')));
  Value fields = Value::empty_dict();
  const auto parts = split(rest, ' ');
  const CivilTime time{2026, 2, 28, 23, 59, 59};
  for (size_t i = 0; i < parts.size() && i < kCronUnits; ++i) {
    const auto unit = static_cast<CronUnit>(i);
    const auto field = CronField::parse(unit, parts[i]);
    if (!field) continue;
    const auto next = field->next(time);
    if (next && *next < cron_unit_value(unit, time)) return "the next value lies before: " + std::string(parts[i]);
    fields.set(cron_unit_name(unit), Value(std::string(parts[i])));
  }
  const auto schedule = Schedule::cron(fields, TimeZone());
  if (schedule) {
    const ZonedTime now = ZonedTime::of(fixed_now(), TimeZone());
    const auto first = schedule->next(std::nullopt, now);
    if (first && *first < now) return "fires in the past: " + rest;
    if (first) {
      const auto second = schedule->next(*first, *first);
      if (second && !(*first < *second)) return "fires twice at the same time: " + rest;
    }
  }
  (void)Schedule::crontab(rest, TimeZone());
  return "";
}

}  // namespace squall::fuzz
