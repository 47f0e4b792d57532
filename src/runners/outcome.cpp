#include "runners/outcome.hpp"

#include <fmt/core.h>

#include <filesystem>

#include "base/limits.hpp"
#include "base/strings.hpp"
#include "text/regex.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::runners {

ActionOutcome failed_outcome(std::string_view runner, std::string_view message) {
  return {"failed", Value::dict({{"error", message}, {"traceback", fmt::format("in the runner {} of squall", runner)}}),
          nullptr};
}

std::string text_of(std::string_view bytes) {
  if (is_valid_utf8(bytes)) return std::string(bytes);
  std::string text;
  text.reserve(bytes.size());
  for (size_t offset = 0; offset < bytes.size();) append_utf8(text, next_code_point(bytes, offset));
  return text;
}

// strip_shell_chars of StackStorm: one trailing newline, then one trailing carriage return.
static std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

Value output_value(std::string_view bytes) {
  std::string text = text_of(without_line_end(bytes));
  if (text.empty()) return Value(std::move(text));
  auto parsed = parse_json(text);
  return parsed ? *std::move(parsed) : Value(std::move(text));
}

std::optional<std::string> refused_sudo_user(std::string_view standard_error) {
  static const Regex refused = Regex::compile(R"(sudo: \d+ incorrect password attempts)").value();
  static const Regex prompt = Regex::compile(R"(\[sudo\] password for (.+?)\:)").value();
  const auto found = refused.search(standard_error);
  if (!found || !*found) return std::nullopt;
  const auto asked = prompt.search(standard_error);
  return asked && *asked ? std::string((*asked)->group(standard_error, 1)) : "unknown";
}

std::string sudo_error(std::string_view user) {
  return fmt::format("Invalid sudo password provided or sudo is not configured for this user ({})", user);
}

std::string timeout_error(const Value& timeout) {
  return fmt::format("Action failed to complete in {} seconds", python::str(timeout));
}

std::string truncation_error() {
  return fmt::format("Output was cut after {} bytes (kProcessOutputBytesMax)", limits::kProcessOutputBytesMax);
}

std::string processes_error() {
  return fmt::format("The action was killed: it had more than {} processes at the same time (kActionProcessesMax)",
                     kActionProcessesMax);
}

Duration timeout_of(const Value& parameter) {
  if (!parameter.is_number()) return Duration::zero();
  constexpr double kSecondsMax = 1e9;  // 30 years; keeps the conversion below in range
  const double seconds = std::min(parameter.double_or(0), kSecondsMax);
  if (seconds <= 0) return Duration(1);
  return std::max(Duration(1), Duration(static_cast<int64_t>(seconds * 1e6)));
}

void add_action_variables(const ActionRequest& request, process::Environment& environment) {
  environment["ST2_ACTION_PACK_NAME"] = request.pack;
  environment["ST2_ACTION_EXECUTION_ID"] = request.execution_id;
  environment["ST2_ACTION_API_URL"] = request.api_url;
  environment["ST2_ACTION_DEBUG"] = python::str(Value(request.runner_parameters["debug"].bool_or(false)));
  if (!request.auth_token.empty()) environment["ST2_ACTION_AUTH_TOKEN"] = request.auth_token;
}

void add_user_variables(const Value& env, process::Environment& environment) {
  if (!env.is_dict()) return;
  for (const auto& [name, value] : env.as_dict()) environment[std::string(name)] = python::str(value);
}

Result<std::string> entry_point_path(const ActionRequest& request) {
  if (request.entry_point.empty())
    return fail(ErrorCode::kInvalid, fmt::format("Action \"{}\" is missing entry_point attribute", request.action_ref));
  const std::filesystem::path pack = absolute_path(request.pack_path);
  const std::filesystem::path file = (pack / "actions" / request.entry_point).lexically_normal();
  const std::filesystem::path inside = file.lexically_relative(pack);
  if (inside.empty() || *inside.begin() == "..")
    return fail(ErrorCode::kInvalid, fmt::format("Entry point \"{}\" of action \"{}\" is outside of its pack {}",
                                                 request.entry_point, request.action_ref, pack.string()));
  return file.string();
}

}  // namespace squall::runners
