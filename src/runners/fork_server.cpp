#include "runners/fork_server.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/outcome.hpp"

namespace squall::runners {
namespace {

constexpr std::string_view kReadyLine = "ready\n";
constexpr size_t kSocketPathMax = 107;

// From its start to its end; a server that is retired is still there until its last child has ended.
struct Server {
  enum class State { kStarting, kReady, kEnding } state = State::kStarting;
  std::string python, socket;
  std::shared_ptr<process::Process> process;
  std::string output;  // until it is ready
  Duration last_used{};
  Executor::TimerId start_timer = 0;
  std::vector<ForkServers::Done> waiting;
};

}  // namespace

struct ForkServers::Impl : std::enable_shared_from_this<ForkServers::Impl> {
  Impl(Executor& its_executor, process::ProcessHost& its_processes, ForkServerOptions its_options, const Clock& its_clock)
      : executor(its_executor), processes(its_processes), options(std::move(its_options)), clock(its_clock) {
    options.runtime_directory = absolute_path(options.runtime_directory);
  }

  void ensure(const std::string& python, Done done);
  Status start(const std::shared_ptr<Server>& server);
  void on_output(const std::shared_ptr<Server>& server, std::string_view chunk);
  void on_exit(const std::shared_ptr<Server>& server, const process::ProcessResult& result);
  void give_up(const std::shared_ptr<Server>& server, std::string_view reason);
  void answer(Server& server, const std::string& socket);
  void retire_one();

  Executor& executor;
  process::ProcessHost& processes;
  ForkServerOptions options;
  const Clock& clock;
  uint64_t last_number = 0;
  std::map<std::string, std::shared_ptr<Server>> servers;  // in use, by interpreter
  std::map<std::string, Duration> failed_at;
};

void ForkServers::Impl::ensure(const std::string& python, Done done) {
  if (const auto found = servers.find(python); found != servers.end()) {
    Server& server = *found->second;
    server.last_used = clock.monotonic();
    if (server.state == Server::State::kReady) return done(server.socket);
    server.waiting.push_back(std::move(done));
    return;
  }
  if (const auto failed = failed_at.find(python);
      failed != failed_at.end() && clock.monotonic() - failed->second < options.retry_after)
    return done("");
  if (servers.size() >= options.count_max) retire_one();
  auto server = std::make_shared<Server>();
  server->python = python;
  server->last_used = clock.monotonic();
  server->waiting.push_back(std::move(done));
  servers[python] = server;
  if (const Status status = start(server); !status) give_up(server, status.error().message());
}

Status ForkServers::Impl::start(const std::shared_ptr<Server>& server) {
  // The process number keeps a squall that is just ending and the next one apart.
  server->socket = fmt::format("{}/zygote-{}-{}.sock", options.directory, ::getpid(), ++last_number);
  if (server->socket.size() > kSocketPathMax)
    return fail(ErrorCode::kLimit, fmt::format("the path of its socket is too long: {}", server->socket));
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  std::filesystem::remove(server->socket, error);

  process::ProcessSpec spec;
  spec.arguments = {server->python, "-u", options.runtime_directory + "/zygote.py", server->socket};
  spec.environment = options.environment;
  spec.environment["PYTHONPATH"] = options.runtime_directory;
  process::ProcessHandlers handlers;
  handlers.keep_input_open = true;  // its end is the sign to retire
  handlers.collect_output = false;
  handlers.on_output = [weak = weak_from_this(), server](process::OutputStream stream, std::string_view chunk) {
    const auto self = weak.lock();
    if (!self) return;
    if (stream == process::OutputStream::kStandardOutput) self->on_output(server, chunk);
    else log_warning("fork server", {{"python", server->python}, {"says", text_of(trim(chunk))}});
  };
  handlers.on_exit = [weak = weak_from_this(), server](process::ProcessResult result) {
    if (const auto self = weak.lock()) self->on_exit(server, result);
  };
  SQ_TRY(server->process, processes.start(std::move(spec), std::move(handlers)));
  server->start_timer = executor.post_after(options.start_timeout, [weak = weak_from_this(), server] {
    const auto self = weak.lock();
    if (self && server->state == Server::State::kStarting) self->give_up(server, "it does not become ready");
  });
  return {};
}

void ForkServers::Impl::on_output(const std::shared_ptr<Server>& server, std::string_view chunk) {
  if (server->state != Server::State::kStarting) return;
  server->output += chunk;
  if (server->output.find(kReadyLine) == std::string::npos) return;
  server->state = Server::State::kReady;
  executor.cancel(server->start_timer);
  answer(*server, server->socket);
}

void ForkServers::Impl::on_exit(const std::shared_ptr<Server>& server, const process::ProcessResult& result) {
  std::error_code error;
  std::filesystem::remove(server->socket, error);
  if (server->state != Server::State::kEnding) give_up(server, fmt::format("it ended with exit code {}", result.exit_code));
}

// It is used no more. What was forked from it may finish; closing its input ends it after that. One that hangs is left to the
// ProcessHost, which kills it when squall ends.
void ForkServers::Impl::give_up(const std::shared_ptr<Server>& server, std::string_view reason) {
  log_warning("no fork server: actions start their own interpreter", {{"python", server->python}, {"reason", std::string(reason)}});
  executor.cancel(server->start_timer);
  server->state = Server::State::kEnding;
  failed_at[server->python] = clock.monotonic();
  servers.erase(server->python);
  if (server->process) server->process->close_input();
  answer(*server, "");
}

void ForkServers::Impl::answer(Server& server, const std::string& socket) {
  for (const Done& done : std::exchange(server.waiting, {})) done(socket);
}

// Makes room: the server that was not used for longest takes no more work and leaves after its last child.
void ForkServers::Impl::retire_one() {
  auto oldest = servers.end();
  for (auto it = servers.begin(); it != servers.end(); ++it) {
    if (it->second->state != Server::State::kReady) continue;
    if (oldest == servers.end() || it->second->last_used < oldest->second->last_used) oldest = it;
  }
  if (oldest == servers.end()) return;  // all are just starting: one more does no harm
  oldest->second->state = Server::State::kEnding;
  oldest->second->process->close_input();
  servers.erase(oldest);
}

ForkServers::ForkServers(Executor& executor, process::ProcessHost& processes, ForkServerOptions options, const Clock& clock)
    : impl_(std::make_shared<Impl>(executor, processes, std::move(options), clock)) {}

ForkServers::~ForkServers() {
  for (const auto& [python, server] : impl_->servers) {
    if (server->process) server->process->close_input();
    std::error_code error;
    std::filesystem::remove(server->socket, error);
  }
}

void ForkServers::ensure(const Interpreter& interpreter, Done done) { impl_->ensure(interpreter.python, std::move(done)); }

void ForkServers::report_broken(const Interpreter& interpreter, const Error& error) {
  const auto found = impl_->servers.find(interpreter.python);
  if (found == impl_->servers.end()) return;
  const std::shared_ptr<Server> server = found->second;
  impl_->give_up(server, error.message());
}

}  // namespace squall::runners
