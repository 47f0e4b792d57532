#include "base/assert.hpp"
#include "base/strings.hpp"
#include "expr/python/text.hpp"
#include "text/regex.hpp"
#include "value/json.hpp"
#include "value/python.hpp"
#include "workflow/mistral/spec.hpp"

namespace squall::workflow::mistral {

namespace {

Regex known(std::string_view pattern) {
  auto regex = Regex::compile(pattern);
  SQ_ASSERT(regex);  // patterns of ours
  return *std::move(regex);
}

}  // namespace

Result<InlineCommand> parse_inline(std::string_view text) {
  InlineCommand parsed;
  parsed.parameters = Value::empty_dict();
  parsed.command = std::string(text);
  if (text.find(' ') == std::string_view::npos) return parsed;
  static const Regex kCommand = known(R"(^([\w\.]+[^=\(\s\"]*|<%.*?%>|{{.*?}}|{%.*%}))");
  // A key, then a value in quotes or apostrophes, an expression, a list, a word of JSON or digits.
  static const Regex kParameter =
      known(R"(([-_\w]+)=("[^"]*"\s*|'[^']*'\s*|{{.*?}}|<%.*?%>|\[.*\]\s*|true|false|null|\d+))");
  SQ_TRY(const auto command, kCommand.search(text));
  if (!command) {
    return fail(Error(ErrorCode::kInvalid, "Invalid action/workflow task property: " + std::string(text))
                    .with_type("InvalidModelException"));
  }
  parsed.command = std::string(command->group(text, 0));
  SQ_TRY(const auto parameters, kParameter.find_all(text));
  for (const RegexMatch& match : parameters) {
    const std::string_view written = expr::py::strip(match.group(text, 2));
    Value value(written);
    if (written.front() == '"' || written.front() == '\'') {
      value = Value(written.substr(1, written.size() - 2));
    } else if (auto json = parse_json(written, JsonDialect::kPython)) {
      value = *std::move(json);
    }
    parsed.parameters.set(match.group(text, 1), std::move(value));
  }
  return parsed;
}

Value merged(Value left, const Value& right, bool overwrite) {
  if (!right.is_dict() || right.empty()) return left;
  if (!left.is_dict() || left.empty()) return right;
  Dict& members = left.mut_dict();
  for (const auto& [key, value] : right.as_dict()) {
    Value* mine = members.find_mutable(key);
    if (mine == nullptr) {
      members.set(key, value);
    } else if (mine->is_dict() && value.is_dict()) {
      *mine = merged(std::move(*mine), value, overwrite);
    } else if (overwrite) {
      *mine = value;
    }
  }
  return left;
}

bool is_engine_command(std::string_view name) {
  return name == "noop" || name == "fail" || name == "succeed" || name == "pause";
}

const std::vector<size_t>& WorkflowSpec::inbound_of(const std::string& task) const {
  static const std::vector<size_t> kNone;
  const auto found = inbound.find(task);
  return found == inbound.end() ? kNone : found->second;
}

}  // namespace squall::workflow::mistral
