#include "clients/aws/credential_process.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "process/environment.hpp"
#include "process/process.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

// Filled on the executor, awaited by the caller; shared, because the caller may leave first.
struct Outcome {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<process::ProcessResult> result;
  bool stopped = false;
};

Result<std::string> read_result(const std::string& program, process::ProcessResult result) {
  if (result.timed_out)
    return fail(ErrorCode::kTimeout,
                "credential_process " + program + " was killed, because it did not end within 60 s");
  if (result.exit_code != 0) {
    return fail(ErrorCode::kUnauthorized,
                "credential_process " + program + " ended with " + std::to_string(result.exit_code));
  }
  return std::move(result.standard_output);
}

}  // namespace

ProgramRunner make_program_runner(process::ProcessHost& host) {
  return [&host](const std::vector<std::string>& command, const StopToken& stop) -> Result<std::string> {
    process::ProcessSpec spec;
    spec.arguments = command;
    spec.environment = process::inherited_environment();
    spec.timeout = kCredentialProcessTimeout;
    const auto outcome = std::make_shared<Outcome>();
    process::ProcessHandlers handlers;
    handlers.on_exit = [outcome](process::ProcessResult result) {
      const std::lock_guard lock(outcome->mutex);
      outcome->result = std::move(result);
      outcome->changed.notify_all();
    };
    SQ_TRY(const std::shared_ptr<process::Process> child, host.start(std::move(spec), std::move(handlers)));
    stop.on_stop([outcome] {
      const std::lock_guard lock(outcome->mutex);
      outcome->stopped = true;
      outcome->changed.notify_all();
    });
    std::unique_lock lock(outcome->mutex);
    outcome->changed.wait_for(lock, kCredentialProcessTimeout * 2,
                              [&] { return outcome->result.has_value() || outcome->stopped; });
    if (outcome->result) return read_result(command.front(), std::move(*outcome->result));
    child->kill(process::kTimeoutGrace);
    return fail(outcome->stopped ? ErrorCode::kCanceled : ErrorCode::kTimeout,
                "credential_process " + command.front() + " was given up");
  };
}

Result<std::vector<std::string>> split_command(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool escapes = c == '\\' && quote != '\'' && i + 1 < text.size();
    if (escapes && (quote == 0 || text[i + 1] == '"' || text[i + 1] == '\\')) {
      word += text[++i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return fail(ErrorCode::kInvalid, "credential_process has a quote that does not end");
  if (in_word) words.push_back(std::move(word));
  if (words.empty()) return fail(ErrorCode::kInvalid, "credential_process names no program");
  return words;
}

Result<AwsCredentials> read_process_credentials(std::string_view output) {
  const auto bad = [](const char* what) {
    return fail(Error(ErrorCode::kInvalid, std::string("credential_process: ") + what).with_type("InvalidProfile"));
  };
  const auto answer = parse_json(output);
  if (!answer || !answer->is_dict()) return bad("the program's output is no JSON object");
  if ((*answer)["Version"] != Value(1)) return bad("the output's Version is not 1");
  AwsCredentials made{
      {(*answer)["AccessKeyId"].string(), (*answer)["SecretAccessKey"].string(), (*answer)["SessionToken"].string()},
      std::nullopt};
  if (made.keys.access_key.empty() || made.keys.secret_key.empty())
    return bad("the output has no AccessKeyId or no SecretAccessKey");
  if (const Value& expiration = (*answer)["Expiration"]; expiration.is_string()) {
    made.expires = parse_timestamp(expiration.string_or(""));
    if (!made.expires) return bad("the output's Expiration is no time");
  }
  return made;
}

}  // namespace squall::clients
