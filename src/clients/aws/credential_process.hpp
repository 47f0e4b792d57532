// credential_process: credentials that a program of the user prints (a setting of an AWS profile).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/stop_token.hpp"
#include "clients/aws/aws_credential_cache.hpp"

namespace squall::process {
class ProcessHost;
}

namespace squall::clients {

inline constexpr Duration kCredentialProcessTimeout = std::chrono::seconds(60);

// Runs a program and waits for its standard output. Blocking; not on the executor's thread of the process host.
using ProgramRunner =
    std::function<Result<std::string>(const std::vector<std::string>& command, const StopToken& stop)>;

// Programs get squall's environment and nothing on standard input; they are killed after kCredentialProcessTimeout or
// at a stop. Errors name the program and how it ended, and never quote its output. `host` must outlive the runner.
ProgramRunner make_program_runner(process::ProcessHost& host);

// Words as a POSIX shell would split them: blanks, 'single' and "double" quotes, backslashes. kInvalid for an open
// quote.
Result<std::vector<std::string>> split_command(std::string_view text);

// {"Version": 1, "AccessKeyId", "SecretAccessKey", "SessionToken"?, "Expiration"?}. Errors never quote the text.
Result<AwsCredentials> read_process_credentials(std::string_view output);

}  // namespace squall::clients
