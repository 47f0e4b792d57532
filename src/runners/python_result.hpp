// What a Python action tells on its standard output (python/squall_runner/squall_runtime/action.py).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "process/process.hpp"
#include "runners/runner.hpp"

namespace squall::runners {

// Stands before and after the result; StackStorm's own text, so that its wrappers and ours are alike.
inline constexpr std::string_view kResultDelimiter = "%%%%%~=~=~=************=~=~=~%%%%";
// Exit code of an action whose run() gave a status that is no boolean.
inline constexpr int kInvalidStatusExitCode = 220;

// The outcome {stdout, stderr, exit_code, result[, error]} of a Python action that ended; {error, traceback} when its
// output does not hold to the protocol. `timeout` is the runner parameter, for the text of a timeout.
ActionOutcome python_outcome(const process::ProcessResult& process, const Value& timeout);

// What stands between the two delimiters of an output; nothing when they are not both there.
std::optional<std::string_view> delimited_answer(std::string_view standard_output);

// Takes the result out of a stream of standard output, however it is cut into pieces.
class ResultFilter {
 public:
  // What of the stream so far may be shown and has not been shown yet.
  std::string feed(std::string_view chunk);
  // What was held back at the end of the stream because it might have been the start of a delimiter.
  std::string finish();

 private:
  std::string held_;
  bool inside_ = false;
};

}  // namespace squall::runners
