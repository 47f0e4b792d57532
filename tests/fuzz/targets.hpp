// What the fuzzers call: every parser and evaluator that reads text of strangers.
//
// A target gets any bytes. Crashes, leaks and undefined behaviour are found by the sanitizers, endless work by
// libFuzzer's timeout; a target itself checks what must hold for every input (what was written reads back the same) and
// names what does not.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace squall::fuzz {

// Empty: nothing was wrong. Else what was.
using Target = std::string (*)(std::string_view input);

const std::map<std::string_view, Target>& targets();

// Formats: JSON, YAML, Python literals, dates, JSONPath, regular expressions, cron.
std::string fuzz_json(std::string_view input);
std::string fuzz_yaml(std::string_view input);
std::string fuzz_literal(std::string_view input);
std::string fuzz_date(std::string_view input);
std::string fuzz_jsonpath(std::string_view input);  // path, line break, JSON
std::string fuzz_regex(std::string_view input);     // pattern, line break, replacement, line break, subject
std::string fuzz_cron(std::string_view input);      // "year month day week day_of_week hour minute second"

// Expressions and what is made of them.
std::string fuzz_jinja(std::string_view input);
std::string fuzz_yaql(std::string_view input);
std::string fuzz_workflow(std::string_view input);  // Orquesta's and Mistral's mixed text
std::string fuzz_chain(std::string_view input);     // an action chain's file
std::string fuzz_http(std::string_view input);      // what a client sends

}  // namespace squall::fuzz
