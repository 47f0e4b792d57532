// Connections to hosts through SSH (libssh): log in, run a command, copy files.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "clients/ssh/interrupt.hpp"

namespace squall::ssh {

// What is done with the key that a host shows.
enum class HostKeys {
  kAcceptNew,  // of a host that was never seen it is remembered; one that has changed is refused
  kStrict,     // only hosts in known_hosts are spoken to
  kIgnore,     // any key will do, as in StackStorm
};

struct Options {
  std::string directory;    // ~/.ssh: known_hosts, and the keys that are tried when nothing else is given
  std::string config_file;  // in the form of ssh_config(5); empty or not there: none
  HostKeys host_keys = HostKeys::kAcceptNew;
  std::string user;      // when neither the target nor the config file names one
  std::string key_file;  // tried when the target has neither password nor key; empty: none
  Duration connect_timeout = std::chrono::seconds(30);  // until the login is done
};

struct Target {
  std::string host;
  int port = 0;  // 0: the config file's, else 22
  std::string user;
  std::string password;
  std::string private_key;  // its text, or the path of a file
  std::string passphrase;   // of that key
  std::string bastion;      // host or host:port to go through, with the same login; empty: none
};

enum class OutputKind { kStdout, kStderr };

struct Command {
  std::string line;
  std::string input;                    // its whole standard input
  Duration timeout = Duration::zero();  // zero: none
  std::function<void(OutputKind, std::string_view)> on_output;
  // A command line that sends a signal ("TERM", "KILL") to it, for servers that do not do it themselves: sshd refuses
  // where root is logged in. Empty: none.
  std::function<std::string(const std::string& signal)> signal_line;
};

struct CommandEnd {
  int exit_code = 0;  // -1 when a signal ended it
  bool timed_out = false;
  bool stopped = false;           // by the interrupt
  bool output_truncated = false;  // past limits::kProcessOutputBytesMax
  std::string standard_output, standard_error;
};

// Splits "host", "host:port", "[address]:port" and bare IPv6 addresses. The port is 0 where there is none.
struct HostPort {
  std::string host;
  int port = 0;
};
Result<HostPort> split_host_port(std::string_view text);

// A connection that is logged in. Everything blocks; the interrupt ends every wait. One thread at a time. The
// destructor closes it.
class Connection {
 public:
  virtual ~Connection() = default;

  // Runs a command in the login shell of the user. At its timeout and at a stop it is sent SIGTERM, SIGKILL after
  // kKillAfter, and left behind soon after that. An error: it could not be started, or the connection was lost.
  virtual Result<CommandEnd> run(const Command& command) = 0;

  // SFTP. The directory may not be there yet.
  virtual Status make_directory(const std::string& path, unsigned mode) = 0;
  virtual Status put_file(const std::string& local, const std::string& remote, unsigned mode) = 0;
  // With everything that is in it, modes included; links to directories are left out.
  virtual Status put_directory(const std::string& local, const std::string& remote) = 0;
};

inline constexpr Duration kKillAfter = std::chrono::milliseconds(700);

// Connects and logs in. Errors never hold a password or a key. kUnavailable: the host cannot be reached; kUnauthorized:
// it does not let us in, or shows another key than it should.
Result<std::unique_ptr<Connection>> open_connection(const Target& target, const Options& options, Executor& executor,
                                                    const std::shared_ptr<Interrupt>& interrupt);

}  // namespace squall::ssh
