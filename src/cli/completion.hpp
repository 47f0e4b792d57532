// Scripts that complete squall's commands and options in a shell, made from the command line's own tree.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace CLI {
class App;
}

namespace squall::cli {

// `shell`: bash, zsh or fish. To be read by the shell: `source <(squall completion bash)`.
Result<std::string> completion_script(const CLI::App& app, std::string_view shell);

}  // namespace squall::cli
