#include "runners/remote_command.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/strings.hpp"
#include "clients/ssh/ssh.hpp"
#include "runners/script_arguments.hpp"

namespace squall::runners {

Result<std::vector<RemoteHost>> remote_hosts(std::string_view hosts, int default_port) {
  std::vector<RemoteHost> result;
  for (const std::string& entry : split(hosts, ',')) {
    const std::string_view text = trim(entry);
    if (text.empty()) continue;
    auto where = ssh::split_host_port(text);
    if (!where) return fail(ErrorCode::kInvalid, fmt::format("hosts: {}", where.error().message()));
    const int port = where->port != 0 ? where->port : default_port;
    const auto is_same = [&](const RemoteHost& other) { return other.host == where->host && other.port == port; };
    if (std::none_of(result.begin(), result.end(), is_same)) result.push_back({where->host, where->host, port});
  }
  if (result.empty()) return fail(ErrorCode::kInvalid, "No hosts specified to run action");
  for (RemoteHost& one : result) {
    const auto of_this_name =
        std::count_if(result.begin(), result.end(), [&](const auto& other) { return other.host == one.host; });
    if (of_this_name > 1) one.name = one.port == 0 ? one.host : fmt::format("{}:{}", one.host, one.port);
  }
  return result;
}

std::string remote_script(const process::Environment& environment, std::string_view directory,
                          std::string_view command) {
  std::string script;
  for (const auto& [name, value] : environment) script += fmt::format(" {}={}", shell_quote(name), shell_quote(value));
  if (!script.empty()) script = "export" + script + " && ";
  if (!directory.empty()) script += fmt::format("cd {} && ", directory);
  return script + std::string(command);
}

RemoteLaunch remote_launch(std::string_view script, std::string_view mark, bool sudo, std::string_view sudo_password) {
  // A shell reads its standard input no further than the line it asks for, so the command itself finds an empty one.
  // What comes before the first mark is a password that sudo did not ask for.
  const std::string begin = fmt::format("squall-begin-{}", mark), end = fmt::format("squall-end-{}", mark);
  const std::string loader = fmt::format(
      "squall_s=; while IFS= read -r squall_l && [ \"$squall_l\" != \"{}\" ]; do :; done; "
      "while IFS= read -r squall_l && [ \"$squall_l\" != \"{}\" ]; do squall_s=\"$squall_s$squall_l\n\"; done; eval "
      "\"$squall_s\"",
      begin, end);
  RemoteLaunch launch{loader, fmt::format("{}\nunset squall_s squall_l\n{}\n{}\n", begin, script, end)};
  if (!sudo) return launch;
  launch.command = fmt::format("sudo {}-E -- bash -c {}", sudo_password.empty() ? "" : "-S ", shell_quote(loader));
  if (!sudo_password.empty()) launch.input = fmt::format("{}\n{}", sudo_password, launch.input);
  return launch;
}

std::string remote_signal(std::string_view mark, std::string_view signal) {
  // The brackets keep this line from finding itself.
  return fmt::format("for squall_p in $(pgrep -f 'squall-begin[-]{}'); do kill -{} -- -$squall_p; done", mark, signal);
}

}  // namespace squall::runners
