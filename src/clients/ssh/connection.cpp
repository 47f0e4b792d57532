#include <fcntl.h>
#include <fmt/core.h>
#include <libssh/callbacks.h>
#include <libssh/sftp.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "clients/ssh/session_impl.hpp"
#include "clients/ssh/tunnel.hpp"

namespace squall::ssh {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr size_t kPieceBytes = 32u << 10;
// How long output is awaited after the command itself has ended: something that it left behind may keep the channel
// open.
constexpr auto kDrainAfterExit = std::chrono::milliseconds(500);
// How long the end is awaited after SIGKILL. A server without privilege separation sends no signals at all.
constexpr auto kGiveUpAfterKill = std::chrono::milliseconds(300);

struct SftpCloser {
  void operator()(sftp_session_struct* sftp) const { ::sftp_free(sftp); }
};
using Sftp = std::unique_ptr<sftp_session_struct, SftpCloser>;

// One command, from its start to its end. libssh calls back for whatever arrives; polling it is all there is to do.
class RunningCommand {
 public:
  RunningCommand(ssh_session session, Interrupt& interrupt, const Command& command)
      : session_(session),
        interrupt_(interrupt),
        command_(command),
        channel_(::ssh_channel_new(session)),
        event_(::ssh_event_new()) {
    ssh_callbacks_init(&callbacks_);
    callbacks_.userdata = this;
    callbacks_.channel_data_function = [](ssh_session, ssh_channel, void* data, uint32_t size, int is_stderr,
                                          void* self) {
      static_cast<RunningCommand*>(self)->take(is_stderr != 0 ? OutputKind::kStderr : OutputKind::kStdout,
                                               {static_cast<const char*>(data), size});
      return static_cast<int>(size);
    };
    callbacks_.channel_eof_function = [](ssh_session, ssh_channel, void* self) {
      static_cast<RunningCommand*>(self)->at_end_ = true;
    };
    callbacks_.channel_close_function = [](ssh_session, ssh_channel, void* self) {
      static_cast<RunningCommand*>(self)->closed_ = true;
    };
    callbacks_.channel_exit_status_function = [](ssh_session, ssh_channel, int status, void* self) {
      static_cast<RunningCommand*>(self)->exit_code_ = status;
    };
    callbacks_.channel_exit_signal_function = [](ssh_session, ssh_channel, const char*, int, const char*, const char*,
                                                 void* self) { static_cast<RunningCommand*>(self)->exit_code_ = -1; };
  }
  ~RunningCommand() {
    unwatch();
    if (watches_session_) ::ssh_event_remove_session(event_, session_);
    if (event_ != nullptr) ::ssh_event_free(event_);
    if (channel_) ::ssh_remove_channel_callbacks(channel_.get(), &callbacks_);
  }
  RunningCommand(const RunningCommand&) = delete;
  RunningCommand& operator=(const RunningCommand&) = delete;

  Status start() {
    if (!channel_ || event_ == nullptr || ::ssh_set_channel_callbacks(channel_.get(), &callbacks_) != SSH_OK ||
        ::ssh_channel_open_session(channel_.get()) != SSH_OK ||
        ::ssh_channel_request_exec(channel_.get(), command_.line.c_str()) != SSH_OK)
      return fail(ErrorCode::kUnavailable, fmt::format("cannot start a command: {}", reason_of(session_)));
    // A command that does not read its input to the end has closed it, which is its own business.
    const std::string& input = command_.input;
    for (size_t at = 0; at < input.size();) {
      const int written =
          ::ssh_channel_write(channel_.get(), input.data() + at, static_cast<uint32_t>(input.size() - at));
      if (written <= 0) break;
      at += static_cast<size_t>(written);
    }
    ::ssh_channel_send_eof(channel_.get());
    return {};
  }

  Result<CommandEnd> wait() {
    if (command_.timeout > Duration::zero()) terminate_at_ = SteadyClock::now() + command_.timeout;
    watches_session_ = ::ssh_event_add_session(event_, session_) == SSH_OK;
    const auto ignore = [](socket_t, int, void*) { return 0; };
    watches_wake_up_ = ::ssh_event_add_fd(event_, interrupt_.wake_fd(), POLLIN, ignore, nullptr) == SSH_OK;
    while (true) {
      const auto now = SteadyClock::now();
      if (exit_code_ && !drain_until_) drain_until_ = now + kDrainAfterExit;
      if (exit_code_ && (at_end_ || closed_ || now >= *drain_until_)) return finish(*exit_code_);
      if (closed_ || ::ssh_is_connected(session_) == 0) {
        if (end_.timed_out || end_.stopped) return finish(-1);
        if (interrupt_.broken()) return fail(ErrorCode::kCanceled, "broken off");
        return fail(ErrorCode::kUnavailable, fmt::format("the connection was lost: {}", reason_of(session_)));
      }
      if (!exit_code_ && must_give_up(now)) return finish(-1);
      if (::ssh_event_dopoll(event_, wait_ms()) == SSH_ERROR && ::ssh_is_connected(session_) != 0)
        return fail(ErrorCode::kUnavailable, fmt::format("the connection was lost: {}", reason_of(session_)));
    }
  }

 private:
  void take(OutputKind kind, std::string_view text) {
    std::string& kept = kind == OutputKind::kStdout ? end_.standard_output : end_.standard_error;
    const size_t fitting = std::min(text.size(), limits::kProcessOutputBytesMax - kept.size());
    if (fitting < text.size()) end_.output_truncated = true;
    kept += text.substr(0, fitting);
    if (fitting > 0 && command_.on_output) command_.on_output(kind, text.substr(0, fitting));
  }

  // Signals the command when it is time; true when it has had all of them.
  bool must_give_up(SteadyClock::time_point now) {
    if (!kill_at_) {
      const bool stopped = interrupt_.stopped();
      if (!stopped && (!terminate_at_ || now < *terminate_at_)) return false;
      (stopped ? end_.stopped : end_.timed_out) = true;
      send_signal("TERM");
      kill_at_ = now + kKillAfter;
      unwatch();  // it stays readable
    } else if (!give_up_at_ && now >= *kill_at_) {
      send_signal("KILL");
      give_up_at_ = now + kGiveUpAfterKill;
    }
    return give_up_at_ && now >= *give_up_at_;
  }

  void send_signal(const char* name) {
    ::ssh_channel_request_send_signal(channel_.get(), name);
    if (!command_.signal_line) return;
    helpers_.emplace_back(::ssh_channel_new(session_));
    if (helpers_.back() && ::ssh_channel_open_session(helpers_.back().get()) == SSH_OK)
      ::ssh_channel_request_exec(helpers_.back().get(), command_.signal_line(name).c_str());
  }

  void unwatch() {
    if (std::exchange(watches_wake_up_, false)) ::ssh_event_remove_fd(event_, interrupt_.wake_fd());
  }

  int wait_ms() const {
    const auto next = drain_until_ ? drain_until_ : give_up_at_ ? give_up_at_ : kill_at_ ? kill_at_ : terminate_at_;
    if (!next) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - SteadyClock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
  }

  CommandEnd finish(int exit_code) {
    end_.exit_code = exit_code;
    return std::move(end_);
  }

  ssh_session session_;
  Interrupt& interrupt_;
  const Command& command_;
  ssh_channel_callbacks_struct callbacks_{};
  Channel channel_;
  std::vector<Channel> helpers_;  // of the commands that send signals
  ssh_event event_;
  bool watches_session_ = false, watches_wake_up_ = false;
  CommandEnd end_;
  bool at_end_ = false, closed_ = false;
  std::optional<int> exit_code_;
  std::optional<SteadyClock::time_point> terminate_at_, kill_at_, give_up_at_, drain_until_;
};

class SshConnection final : public Connection {
 public:
  SshConnection(std::unique_ptr<Tunnel> tunnel, Session session, std::shared_ptr<Interrupt> interrupt)
      : tunnel_(std::move(tunnel)), session_(std::move(session)), interrupt_(std::move(interrupt)) {}
  ~SshConnection() override {
    interrupt_->watch(-1);
    sftp_.reset();
    session_.reset();
  }

  Result<CommandEnd> run(const Command& command) override {
    RunningCommand running(session_.get(), *interrupt_, command);
    SQ_CHECK(running.start());
    return running.wait();
  }

  Status make_directory(const std::string& path, unsigned mode) override {
    SQ_CHECK(need_sftp());
    if (::sftp_mkdir(sftp_.get(), path.c_str(), mode) == SSH_OK) return {};
    return fail(sftp_error(fmt::format("mkdir {}", path)));
  }

  Status put_file(const std::string& local, const std::string& remote, unsigned mode) override {
    SQ_CHECK(need_sftp());
    const process::UniqueFd source(::open(local.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source.valid()) return fail(ErrorCode::kIo, fmt::format("{}: {}", local, std::strerror(errno)));
    const std::unique_ptr<sftp_file_struct, decltype(&::sftp_close)> target(
        ::sftp_open(sftp_.get(), remote.c_str(), O_WRONLY | O_CREAT | O_TRUNC, mode), &::sftp_close);
    if (!target) return fail(sftp_error(remote));
    std::array<char, kPieceBytes> piece;
    ssize_t got = 0;
    while ((got = ::read(source.get(), piece.data(), piece.size())) > 0) {
      if (interrupt_->stopped()) return fail(ErrorCode::kCanceled, "canceled");
      for (ssize_t at = 0; at < got;) {
        const ssize_t written = ::sftp_write(target.get(), piece.data() + at, static_cast<size_t>(got - at));
        if (written <= 0) return fail(sftp_error(remote));
        at += written;
      }
    }
    if (got < 0) return fail(ErrorCode::kIo, fmt::format("{}: {}", local, std::strerror(errno)));
    // The mode of the open call passes through the umask of the server.
    if (::sftp_chmod(sftp_.get(), remote.c_str(), mode) != SSH_OK) return fail(sftp_error(remote));
    return {};
  }

  Status put_directory(const std::string& local, const std::string& remote) override {
    SQ_CHECK(make_directory(remote, 0700));
    std::error_code error;
    for (fs::directory_iterator it(local, error), end; !error && it != end; it.increment(error)) {
      const std::string target = remote + "/" + it->path().filename().string();
      if (it->is_directory() && !it->is_symlink()) {
        SQ_CHECK(put_directory(it->path().string(), target));
      } else if (it->is_regular_file()) {
        struct stat info {};
        if (::stat(it->path().c_str(), &info) != 0) continue;  // it went away again
        SQ_CHECK(put_file(it->path().string(), target, info.st_mode & 0777));
      }
    }
    if (error) return fail(ErrorCode::kIo, fmt::format("{}: {}", local, error.message()));
    return {};
  }

 private:
  Status need_sftp() {
    if (sftp_) return {};
    sftp_.reset(::sftp_new(session_.get()));
    if (sftp_ && ::sftp_init(sftp_.get()) == SSH_OK) return {};
    sftp_.reset();
    return fail(ErrorCode::kUnavailable, fmt::format("the host offers no SFTP: {}", reason_of(session_.get())));
  }

  Error sftp_error(const std::string& what) const {
    const char* reason = nullptr;
    switch (::sftp_get_error(sftp_.get())) {
      case SSH_FX_NO_SUCH_FILE:
      case SSH_FX_NO_SUCH_PATH: reason = "No such file or directory"; break;
      case SSH_FX_PERMISSION_DENIED: reason = "Permission denied"; break;
      case SSH_FX_FILE_ALREADY_EXISTS: reason = "it exists already"; break;
      case SSH_FX_FAILURE: reason = "the host says no more than that it failed"; break;
      default: break;
    }
    return Error(ErrorCode::kRemote,
                 fmt::format("{}: {}", what, reason != nullptr ? reason : reason_of(session_.get())));
  }

  std::unique_ptr<Tunnel> tunnel_;
  Session session_;
  std::shared_ptr<Interrupt> interrupt_;
  Sftp sftp_;
};

// `target` of the bastion: the same login, as StackStorm does it.
Result<Target> bastion_of(const Target& target) {
  SQ_TRY(const HostPort where, split_host_port(target.bastion));
  Target bastion = target;
  bastion.host = where.host;
  if (where.port != 0) bastion.port = where.port;
  bastion.bastion.clear();
  return bastion;
}

}  // namespace

Result<std::unique_ptr<Connection>> open_connection(const Target& target, const Options& options, Executor& executor,
                                                    const std::shared_ptr<Interrupt>& interrupt) {
  const TimeLimit limit(executor, interrupt, options.connect_timeout);
  const auto explain = [&](Error error) {
    if (!limit.passed()) return error;
    return Error(ErrorCode::kTimeout,
                 fmt::format("{} did not let us in within {} seconds", target.host,
                             std::chrono::duration_cast<std::chrono::seconds>(options.connect_timeout).count()));
  };
  std::unique_ptr<Tunnel> tunnel;
  process::UniqueFd via;
  if (!target.bastion.empty()) {
    SQ_TRY(const Target bastion, bastion_of(target));
    constexpr int kDefaultPort = 22;
    auto opened =
        Tunnel::open(bastion, {target.host, target.port != 0 ? target.port : kDefaultPort}, options, *interrupt);
    if (!opened) return fail(explain(opened.error()));
    tunnel = *std::move(opened);
    via = tunnel->take_socket();
  }
  auto session = open_session(target, options, std::move(via), *interrupt);
  if (!session) return fail(explain(session.error()));
  interrupt->end_in_order();
  return std::make_unique<SshConnection>(std::move(tunnel), *std::move(session), interrupt);
}

}  // namespace squall::ssh
