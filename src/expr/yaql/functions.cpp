#include "expr/yaql/functions.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "expr/yaql/names.hpp"

namespace squall::expr::yaql {

namespace {

constexpr std::array<std::pair<std::string_view, Type>, 24> kTypes = {{{"any", Type::kAny},
                                                                       {"nulltype", Type::kNull},
                                                                       {"int", Type::kInt},
                                                                       {"integer", Type::kInteger},
                                                                       {"number", Type::kNumber},
                                                                       {"bool", Type::kBool},
                                                                       {"str", Type::kString},
                                                                       {"iterable", Type::kIterable},
                                                                       {"noset", Type::kIterableNoSet},
                                                                       {"iterator", Type::kIterator},
                                                                       {"sequence", Type::kSequence},
                                                                       {"mapping", Type::kMapping},
                                                                       {"set", Type::kSet},
                                                                       {"datetime", Type::kDateTime},
                                                                       {"rawdatetime", Type::kDateTimeRaw},
                                                                       {"timespan", Type::kTimeSpan},
                                                                       {"regex", Type::kRegex},
                                                                       {"ordering", Type::kOrdering},
                                                                       {"context", Type::kContext},
                                                                       {"rulevalue", Type::kRuleValue},
                                                                       {"keyword", Type::kKeyword},
                                                                       {"strconst", Type::kStringConstant},
                                                                       {"lambda", Type::kLambda},
                                                                       {"rule", Type::kRule}}};

Type type_of(std::string_view name) {
  for (const auto& [known, type] : kTypes) {
    if (known == name) return type;
  }
  SQ_ASSERT(false);
}

Value default_of(std::string_view text) {
  if (text == "null" || text == "none") return {};
  if (text == "true" || text == "false") return Value(text == "true");
  if (text == "''") return Value("");
  if (const auto number = parse_int(text)) return Value(*number);
  return Value(replace_all(text, "_", " "));  // a line is split at its blanks
}

Parameter parameter_of(std::string_view text) {
  Parameter parameter;
  if (const size_t equals = text.find('='); equals != std::string_view::npos) {
    parameter.has_default = true;
    parameter.fallback = default_of(text.substr(equals + 1));
    parameter.default_is_nothing = text.substr(equals + 1) == "none";
    text = text.substr(0, equals);
  }
  if (text.ends_with('?')) {
    parameter.nullable = true;
    text.remove_suffix(1);
  }
  const size_t colon = text.find(':');
  parameter.name = camel_case(text.substr(0, colon));
  // Without a type everything goes, null too.
  if (colon == std::string_view::npos) {
    parameter.nullable = true;
  } else {
    parameter.type = type_of(text.substr(colon + 1));
  }
  if (parameter.type == Type::kNull || parameter.type == Type::kLambda) parameter.nullable = true;
  if (parameter.type == Type::kTimeSpan && parameter.fallback.is_int()) parameter.fallback = Value::time_delta(0);
  return parameter;
}

struct Library {
  std::vector<std::unique_ptr<Function>> all;
  std::map<std::string, Overloads, std::less<>> functions;
  std::map<std::string, Overloads, std::less<>> methods;

  Library() {
    for (const auto& module :
         {system_functions(), operator_functions(), math_functions(), string_functions(), dict_functions(),
          list_functions(), set_functions(), query_functions(), aggregate_functions(), generator_functions(),
          regex_functions(), date_functions(), date_properties()}) {
      for (const Definition& definition : module) add(definition);
    }
  }

  void add(const Definition& definition) {
    auto function = std::make_unique<Function>(declare(definition.line));
    function->run = definition.run;
    function->no_keywords = definition.no_keywords;
    if (definition.use != Use::kMethod) functions[function->name].all.push_back(function.get());
    if (definition.use != Use::kFunction) methods[function->name].all.push_back(function.get());
    all.push_back(std::move(function));
  }
};

const Library& library() {
  static const Library made;
  return made;
}

const Overloads* find_in(const std::map<std::string, Overloads, std::less<>>& table, std::string_view name) {
  while (name.ends_with('_')) name.remove_suffix(1);
  const auto found = table.find(name);
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace

Function declare(std::string_view line) {
  Function function;
  const std::vector<std::string> words = split(line, ' ');
  function.name = words[0];
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word.starts_with("**")) {
      function.keywords = parameter_of(word.size() > 2 ? word.substr(2) : "kwargs");
    } else if (word.starts_with('*')) {
      function.rest = parameter_of(word.substr(1));
    } else {
      function.parameters.push_back(parameter_of(word));
    }
  }
  return function;
}

FunctionTable::FunctionTable(std::span<const Definition> definitions) {
  for (const Definition& definition : definitions) {
    functions_.push_back(declare(definition.line));
    functions_.back().run = definition.run;
  }
  std::sort(functions_.begin(), functions_.end(), [](const Function& a, const Function& b) { return a.name < b.name; });
}

const Function* FunctionTable::find(std::string_view name) const {
  const auto at =
      std::lower_bound(functions_.begin(), functions_.end(), name,
                       [](const Function& function, std::string_view wanted) { return function.name < wanted; });
  return at != functions_.end() && at->name == name ? &*at : nullptr;
}

const Overloads* find_functions(std::string_view name) { return find_in(library().functions, name); }
const Overloads* find_methods(std::string_view name) { return find_in(library().methods, name); }

}  // namespace squall::expr::yaql
