#include "runners/python_result.hpp"

#include <fmt/core.h>
#include <signal.h>

#include <vector>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/outcome.hpp"
#include "value/json.hpp"

namespace squall::runners {
namespace {

constexpr std::string_view kRunner = "python-script";

std::vector<std::string_view> split_at_delimiter(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t found = 0; (found = text.find(kResultDelimiter)) != std::string_view::npos;) {
    parts.push_back(text.substr(0, found));
    text.remove_prefix(found + kResultDelimiter.size());
  }
  parts.push_back(text);
  return parts;
}

// Python writes NaN and Infinity, which the API's dialect does not read; integers of any size become doubles where it
// does.
Result<Value> parse_document(std::string_view text) {
  if (auto value = parse_json(text)) return value;
  return parse_json(text, JsonDialect::kPython);
}

struct Answer {
  Value result = "None";  // upstream's text for "there was none"
  Value status;           // true, false or null
};

void log_conversions(const Value& converted) {
  for (size_t i = 0; i < converted.size(); ++i) {
    log_info("Python 2 source converted",
             {{"file", converted[i]["file"].string()}, {"reason", converted[i]["reason"].string()}});
  }
}

Answer read_answer(std::string_view text) {
  Answer answer;
  text = trim(text);
  if (text.empty()) return answer;
  auto document = parse_document(text);
  if (!document || !document->is_dict()) {
    answer.result = text_of(text);
    return answer;
  }
  log_conversions((*document)["converted"]);
  // After an exception there is nothing but conversions.
  if (document->contains("result") || !document->contains("converted")) answer.result = (*document)["result"];
  answer.status = (*document)["status"];
  return answer;
}

// Bytes at the end of `text` that may be the beginning of a delimiter.
size_t delimiter_start(std::string_view text) {
  for (size_t length = std::min(text.size(), kResultDelimiter.size() - 1); length > 0; --length)
    if (kResultDelimiter.starts_with(text.substr(text.size() - length))) return length;
  return 0;
}

}  // namespace

ActionOutcome python_outcome(const process::ProcessResult& process, const Value& timeout) {
  // Upstream cannot tell its own SIGKILL from another one, so that both are a timeout.
  const int exit_code = process.timed_out ? -SIGKILL : process.exit_code;
  const bool timed_out = exit_code == -SIGKILL && !process.killed && !process.too_many_processes;
  const std::string standard_error = text_of(process.standard_error);
  if (exit_code == kInvalidStatusExitCode) return failed_outcome(kRunner, standard_error);

  const auto parts = split_at_delimiter(process.standard_output);
  if (parts.size() != 1 && parts.size() != 3 && !timed_out && !process.too_many_processes && !process.output_truncated)
    return failed_outcome(kRunner, fmt::format("The result length should be 3, was {}.", parts.size()));
  const bool has_answer = parts.size() == 3;
  const Answer answer = has_answer ? read_answer(parts[1]) : Answer();

  std::string error;
  if (process.too_many_processes)
    error = processes_error();
  else if (timed_out)
    error = timeout_error(timeout);
  else if (process.output_truncated)
    error = truncation_error();
  Value result =
      Value::dict({{"stdout", text_of(std::string(parts[0]) + std::string(has_answer ? parts[2] : std::string_view()))},
                   {"stderr", standard_error},
                   {"exit_code", exit_code},
                   {"result", answer.result}});
  if (!error.empty()) result.set("error", error);

  const bool cut_short = process.output_truncated && !has_answer;
  const bool succeeded = exit_code == 0 && answer.status.bool_or(true) && !cut_short;
  return {timed_out ? "timeout" : succeeded ? "succeeded" : "failed", std::move(result), nullptr};
}

std::optional<std::string_view> delimited_answer(std::string_view standard_output) {
  const auto parts = split_at_delimiter(standard_output);
  if (parts.size() != 3) return std::nullopt;
  return trim(parts[1]);
}

std::string ResultFilter::feed(std::string_view chunk) {
  held_ += chunk;
  std::string shown;
  for (size_t found = 0; (found = held_.find(kResultDelimiter)) != std::string::npos; inside_ = !inside_) {
    if (!inside_) shown += held_.substr(0, found);
    held_.erase(0, found + kResultDelimiter.size());
  }
  const size_t keep = delimiter_start(held_);
  if (!inside_) shown += held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return shown;
}

std::string ResultFilter::finish() { return inside_ ? std::string() : std::exchange(held_, {}); }

}  // namespace squall::runners
