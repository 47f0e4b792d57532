// The environment that children get, and where their programs are found.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace squall::process {

using Environment = std::map<std::string, std::string>;

// squall's own environment without its settings (names that begin with "SQUALL_"): these can hold keys and passwords, and
// no action needs them. Not thread-safe against setenv(3).
Environment inherited_environment();

// The file that `program` means: itself when it has a '/', else the first executable file of that name in the directories
// of `path` ("a:b:c"; empty: the system's default path). kNotFound names the program and the path.
Result<std::string> find_program(std::string_view program, std::string_view path);

}  // namespace squall::process
