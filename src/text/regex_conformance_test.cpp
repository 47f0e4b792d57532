#include <gtest/gtest.h>

#include "base/strings.hpp"
#include "text/regex.hpp"
#include "text/regex_value.hpp"
#include "value/conformance.hpp"

namespace squall {
namespace {

RegexFlags flags_of(const Value& vector) {
  const std::string letters = vector["flags"].string();
  const auto has = [&](char letter) { return letters.find(letter) != std::string::npos; };
  return {.ignore_case = has('i'), .multi_line = has('m'), .dot_all = has('s'), .verbose = has('x'), .ascii = has('a')};
}

Value group_or_null(const RegexMatch& match, std::string_view text, size_t group) {
  return match.has(group) ? Value(match.group(text, group)) : Value();
}

Value span_of(const RegexMatch& match, std::string_view text, size_t group) {
  if (!match.has(group)) return Value::list({-1, -1});
  const auto [begin, end] = *match.spans[group];
  return Value::list({utf8_length(text.substr(0, begin)), utf8_length(text.substr(0, end))});
}

Value shown(const Regex& regex, const std::optional<RegexMatch>& match, std::string_view text) {
  if (!match) return Value();
  Value groups = Value::empty_list();
  Value spans = Value::empty_list();
  Value by_name = Value::empty_dict();
  for (size_t group = 1; group <= regex.group_count(); ++group) {
    groups.push_back(group_or_null(*match, text, group));
    spans.push_back(span_of(*match, text, group));
  }
  for (const auto& [name, group] : regex.group_names()) by_name.set(name, group_or_null(*match, text, group));
  return Value::dict({{"span", span_of(*match, text, 0)},
                      {"group", match->group(text, 0)},
                      {"groups", groups},
                      {"groupdict", by_name},
                      {"spans", spans}});
}

// re.findall: the match, or its one group, or a tuple of its groups.
Result<Value> find_all(const Regex& regex, std::string_view text) {
  SQ_TRY(const auto matches, regex.find_all(text));
  Value found = Value::empty_list();
  for (const RegexMatch& match : matches) {
    if (regex.group_count() < 2) {
      found.push_back(Value(match.group(text, regex.group_count())));
      continue;
    }
    List groups;
    for (size_t group = 1; group <= regex.group_count(); ++group) groups.emplace_back(match.group(text, group));
    found.push_back(Value::tuple(std::move(groups)));
  }
  return found;
}

Result<Value> run(const Value& vector) {
  const std::string op = vector["op"].string();
  if (op == "escape") return Value(Regex::escape(vector["string"].as_string()));
  SQ_TRY(const Regex regex, compile_regex(vector["pattern"], flags_of(vector)));
  SQ_TRY(const std::string_view text, regex_subject(vector["string"]));
  const auto count = static_cast<size_t>(vector["max"].int_or(0));
  if (op == "findall") return find_all(regex, text);
  if (op == "sub") {
    SQ_TRY(const auto result, regex.substitute(text, vector["repl"].as_string(), count));
    return Value::list({result.first, result.second});
  }
  if (op == "split") {
    SQ_TRY(const auto parts, regex.split(text, count));
    Value list = Value::empty_list();
    for (const auto& part : parts) list.push_back(part ? Value(*part) : Value());
    return list;
  }
  SQ_TRY(const auto match, op == "search"  ? regex.search(text)
                           : op == "match" ? regex.match(text)
                                           : regex.full_match(text));
  return shown(regex, match, text);
}

TEST(RegexConformance, Python311) {
  SQ_LOAD_TOPIC(topic, "python_re");
  conformance::Report report("python_re", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    Result<Value> answer = run(conformance::decode_tagged(vector));
    // CPython's class re.error calls itself "error".
    if (!answer && answer.error().type() == "re.error") answer = fail(answer.error().with_type("error"));
    report.judge(vector, answer);
  }
  report.finish();
}

}  // namespace
}  // namespace squall
