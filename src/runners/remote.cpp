#include "runners/remote.hpp"

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/limits.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/outcome.hpp"
#include "runners/remote_command.hpp"
#include "runners/script_arguments.hpp"
#include "runners/thread_pool.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::runners {
namespace {

// Of one action, as StackStorm's max_parallel_actions.
constexpr size_t kHostsAtOnceMax = 50;
constexpr std::string_view kDefaultKwargOp = "--";
constexpr std::string_view kLibraryDirectory = "lib";  // beside a script; goes with it
constexpr int kFailedExitCode = 255;                   // return_code upstream when there was none
constexpr unsigned kPrivateDirectory = 0700;
constexpr unsigned kScriptMode = 0744;
// After a stop: when connections are broken off, and when the outcome comes even if a thread still hangs in a look-up
// of a name.
constexpr Duration kBreakOffAfter = std::chrono::milliseconds(1200);
constexpr Duration kAnswerAfter = std::chrono::milliseconds(1700);
constexpr Duration kCleanUpTime = std::chrono::seconds(10);

// What one host is to do.
struct RemotePlan {
  std::string shown_command;  // for errors: without environment and passwords
  RemoteLaunch launch;
  std::string mark;
  Value timeout;
  bool asks_sudo_password = false;
  // Of scripts:
  std::string local_script, local_libraries;  // the latter empty when there are none
  std::string remote_directory, remote_script;
};

struct HostOutcome {
  Value result;
  bool connected = false;
  bool succeeded = false;
  bool timed_out = false;
};

// Upstream's _generate_error_result.
Value error_result(const std::string& message, bool timed_out, std::string_view standard_output,
                   std::string_view standard_error, std::string_view runner) {
  return Value::dict({{"failed", true},
                      {"succeeded", false},
                      {"timeout", timed_out},
                      {"return_code", timed_out ? -SIGKILL : kFailedExitCode},
                      {"stdout", output_value(standard_output)},
                      {"stderr", output_value(standard_error)},
                      {"error", message},
                      {"traceback", fmt::format("in the runner {} of squall", runner)}});
}

// One action. Its hosts are shared out among threads; everything else happens on the executor.
class RemoteJob : public std::enable_shared_from_this<RemoteJob> {
 public:
  RemoteJob(Executor& executor, const RemoteOptions& options, std::string runner, std::vector<RemoteHost> hosts,
            ssh::Target login, RemotePlan plan, StopToken stop, RunHandlers handlers)
      : executor_(executor),
        options_(options),
        runner_(std::move(runner)),
        hosts_(std::move(hosts)),
        login_(std::move(login)),
        plan_(std::move(plan)),
        stop_(std::move(stop)),
        handlers_(std::move(handlers)),
        streams_(hosts_.size() == 1 && handlers_.on_output),
        outcomes_(hosts_.size()) {}

  size_t host_count() const { return hosts_.size(); }

  // On a thread of the pool, by as many as are to work at the same time: takes hosts until there are none.
  void work(size_t workers) {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    while (const auto index = take_host()) {
      HostOutcome outcome = run_host(hosts_[*index]);
      const std::lock_guard lock(mutex_);
      outcomes_[*index] = std::move(outcome);
      interrupts_.erase(*index);
    }
    const std::lock_guard lock(mutex_);
    if (++workers_done_ == workers) executor_.post([self = shared_from_this()] { self->answer(); });
  }

  // Any thread.
  void request_stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const auto& [index, interrupt] : interrupts_) interrupt->stop();
    }
    executor_.post_after(kBreakOffAfter, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->break_off();
    });
    executor_.post_after(kAnswerAfter, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->answer();
    });
  }
  void break_off() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [index, interrupt] : interrupts_) interrupt->break_off();
  }

 private:
  std::optional<size_t> take_host() {
    const std::lock_guard lock(mutex_);
    if (stopping_ || next_ == hosts_.size()) return std::nullopt;
    interrupts_[next_] = std::make_shared<ssh::Interrupt>();
    return next_++;
  }

  std::shared_ptr<ssh::Interrupt> interrupt_of(const RemoteHost& host) {
    const std::lock_guard lock(mutex_);
    return interrupts_.at(static_cast<size_t>(&host - hosts_.data()));
  }

  HostOutcome failed_host(const std::string& message, bool connected) const {
    return {error_result(message, false, "", "", runner_), connected, false, false};
  }

  HostOutcome run_host(const RemoteHost& host) {
    const auto interrupt = interrupt_of(host);
    ssh::Target target = login_;
    target.host = host.host;
    target.port = host.port;
    auto connection = ssh::open_connection(target, options_.ssh, executor_, interrupt);
    if (!connection) {
      const bool by_ssh = connection.error().code() == ErrorCode::kUnauthorized;
      return failed_host(by_ssh
                             ? fmt::format("Connection error. Error connecting to host {}: {}", host.host,
                                           connection.error().message())
                             : fmt::format("Failed connecting to host {}. {}", host.host, connection.error().message()),
                         false);
    }
    if (plan_.local_script.empty()) return run_command(host, **connection);
    HostOutcome outcome;
    const ssh::TimeLimit limit(executor_, interrupt, copy_time());
    if (const Status copied = copy_files(**connection); copied) {
      outcome = run_command(host, **connection);
    } else {
      const std::string why = limit.passed() ? "it took too long" : copied.error().message();
      outcome = failed_host(
          fmt::format("Failed sending file(s) in path {} to host {} {}", plan_.local_script, host.host, why), true);
    }
    remove_files(**connection, host, interrupt);
    return outcome;
  }

  // Generous: for the copy, the command that follows it, and the end of that.
  Duration copy_time() const {
    const Duration timeout = timeout_of(plan_.timeout);
    return timeout == Duration::zero() ? timeout : 2 * timeout + kCleanUpTime;
  }

  Status copy_files(ssh::Connection& connection) {
    SQ_CHECK(connection.make_directory(plan_.remote_directory, kPrivateDirectory));
    SQ_CHECK(connection.put_file(plan_.local_script, plan_.remote_script, kScriptMode));
    if (plan_.local_libraries.empty()) return {};
    return connection.put_directory(plan_.local_libraries,
                                    plan_.remote_directory + "/" + std::string(kLibraryDirectory));
  }

  void remove_files(ssh::Connection& connection, const RemoteHost& host,
                    const std::shared_ptr<ssh::Interrupt>& interrupt) {
    if (interrupt->broken()) return;
    interrupt->forget_stop();
    const ssh::TimeLimit limit(executor_, interrupt, kCleanUpTime);
    ssh::Command command;
    command.line = "rm -rf -- " + shell_quote(plan_.remote_directory);
    command.timeout = kCleanUpTime;
    const auto removed = connection.run(command);
    if (!removed || removed->exit_code != 0)
      log_warning("files of an action stay on a host",
                  {{"host", host.host},
                   {"directory", plan_.remote_directory},
                   {"reason", removed ? text_of(removed->standard_error) : removed.error().message()}});
  }

  HostOutcome run_command(const RemoteHost& host, ssh::Connection& connection) {
    ssh::Command command{plan_.launch.command, plan_.launch.input, timeout_of(plan_.timeout), output_handler(),
                         nullptr};
    command.signal_line = [this](const std::string& signal) { return remote_signal(plan_.mark, signal); };
    // Where the host does not answer any more when it is told to end the command.
    const ssh::TimeLimit limit(executor_, interrupt_of(host),
                               command.timeout > Duration::zero() ? command.timeout + kAnswerAfter : Duration::zero());
    const auto ended = connection.run(command);
    const std::string failed =
        fmt::format("Failed executing command \"{}\" on host \"{}\"", plan_.shown_command, host.host);
    if (!ended) return failed_host(failed + " " + ended.error().message(), true);
    const std::string& out = ended->standard_output;
    const std::string& err = ended->standard_error;
    HostOutcome outcome{Value(), true, false, ended->timed_out};
    if (ended->stopped) {
      outcome.result = error_result(failed + " It was canceled.", false, out, err, runner_);
    } else if (ended->timed_out) {
      const auto connect_seconds =
          std::chrono::duration_cast<std::chrono::seconds>(options_.ssh.connect_timeout).count();
      outcome.result = error_result(
          fmt::format("{} Command didn't finish in {} seconds or the SSH connection did not succeed in {} seconds",
                      failed, python::str(plan_.timeout), connect_seconds),
          true, out, err, runner_);
    } else if (const auto user = plan_.asks_sudo_password ? refused_sudo_user(text_of(err)) : std::nullopt) {
      outcome.result = error_result(failed + " " + sudo_error(*user), false, "", "", runner_);
    } else {
      outcome.succeeded = ended->exit_code == 0;
      outcome.result = Value::dict({{"failed", !outcome.succeeded},
                                    {"succeeded", outcome.succeeded},
                                    {"return_code", ended->exit_code},
                                    {"stdout", output_value(out)},
                                    {"stderr", output_value(err)}});
    }
    if (ended->output_truncated) outcome.result.set("error", truncation_error());
    return outcome;
  }

  std::function<void(ssh::OutputKind, std::string_view)> output_handler() {
    if (!streams_) return nullptr;
    return [weak = weak_from_this(), &executor = executor_](ssh::OutputKind kind, std::string_view text) {
      executor.post([weak, kind, chunk = std::string(text)] {
        const auto self = weak.lock();
        if (self && !self->answered_)
          self->handlers_.on_output(kind == ssh::OutputKind::kStdout ? OutputKind::kStdout : OutputKind::kStderr,
                                    chunk);
      });
    };
  }

  // On the executor; only the first call counts.
  void answer() {
    if (std::exchange(answered_, true)) return;
    const RunHandlers handlers = std::exchange(handlers_, {});
    handlers.on_done(outcome());
  }

  ActionOutcome outcome() {
    const std::lock_guard lock(mutex_);
    Value result = Value::empty_dict();
    size_t connected = 0, succeeded = 0, timed_out = 0;
    for (size_t i = 0; i < hosts_.size(); ++i) {
      const std::optional<HostOutcome>& host = outcomes_[i];
      connected += host && host->connected ? 1 : 0;
      succeeded += host && host->succeeded ? 1 : 0;
      timed_out += host && host->timed_out ? 1 : 0;
      result.set(hosts_[i].name,
                 host ? host->result : error_result("Canceled before it was done.", false, "", "", runner_));
    }
    const bool good = options_.allow_partial_failure ? succeeded > 0 : succeeded == hosts_.size();
    if (stop_.stopped() && !good) return {"canceled", std::move(result), nullptr};
    if (connected == 0) return no_host_outcome(result);
    // StackStorm's too: timed out only when all hosts were.
    return {good ? "succeeded" : timed_out == hosts_.size() ? "timeout" : "failed", std::move(result), nullptr};
  }

  ActionOutcome no_host_outcome(const Value& errors) const {
    std::vector<std::string> names;
    for (const RemoteHost& host : hosts_) names.push_back(fmt::format("'{}'", host.name));
    return failed_outcome(runner_,
                          fmt::format("Unable to connect to any one of the hosts: [{}].\n\n connect_errors={}",
                                      join(names, ", "), write_json(errors, JsonStyle::pretty()).value_or("")));
  }

  Executor& executor_;
  const RemoteOptions options_;
  const std::string runner_;
  const std::vector<RemoteHost> hosts_;
  const ssh::Target login_;
  const RemotePlan plan_;
  const StopToken stop_;
  RunHandlers handlers_;   // executor only
  bool answered_ = false;  // executor only
  const bool streams_;

  std::mutex mutex_;
  std::vector<std::optional<HostOutcome>> outcomes_;              // guarded by mutex_
  std::map<size_t, std::shared_ptr<ssh::Interrupt>> interrupts_;  // guarded by mutex_: of the hosts being worked on
  size_t next_ = 0, workers_done_ = 0;                            // guarded by mutex_
  bool stopping_ = false;                                         // guarded by mutex_
};

// What both runners share.
class RemoteRunner : public Runner {
 public:
  RemoteRunner(std::string name, Executor& executor, RemoteOptions options)
      : name_(std::move(name)), executor_(executor), options_(std::move(options)), pool_(limits::kSshThreadsMax) {}
  // The threads of the pool end when their connections do.
  ~RemoteRunner() override {
    for (const auto& weak : jobs_)
      if (const auto job = weak.lock()) job->break_off();
  }

  void start(const ActionRequest& request, StopToken stop, RunHandlers handlers) override {
    auto job = make_job(request, stop, handlers);
    if (!job) {
      executor_.post([handlers, outcome = failed_outcome(name_, job.error().message())] { handlers.on_done(outcome); });
      return;
    }
    std::erase_if(jobs_, [](const auto& weak) { return weak.expired(); });
    jobs_.push_back(*job);
    stop.on_stop([weak = std::weak_ptr(*job)] {
      if (const auto stopped = weak.lock()) stopped->request_stop();
    });
    const size_t count = (*job)->host_count();
    const bool parallel = request.runner_parameters["parallel"].bool_or(true);
    const size_t workers = parallel ? std::min(count / 3 + 1, kHostsAtOnceMax) : 1;
    for (size_t i = 0; i < workers; ++i) pool_.run([job = *job, workers] { job->work(workers); });
  }

  bool is_idempotent(const ActionRequest&) const override { return false; }
  bool uses_process() const override { return false; }

 protected:
  // Fills in what is to be run. The environment and the directory are ready.
  virtual Status plan_command(const ActionRequest& request, const process::Environment& environment,
                              RemotePlan& plan) const = 0;

  static RemoteLaunch launch_of(const ActionRequest& request, const std::string& script) {
    const Value& parameters = request.runner_parameters;
    return remote_launch(script, request.liveaction_id, parameters["sudo"].truthy(),
                         parameters["sudo_password"].string());
  }

 private:
  Result<std::shared_ptr<RemoteJob>> make_job(const ActionRequest& request, const StopToken& stop,
                                              const RunHandlers& handlers) {
    const Value& parameters = request.runner_parameters;
    const int port = static_cast<int>(parameters["port"].int_or(0));
    SQ_TRY(std::vector<RemoteHost> hosts, remote_hosts(parameters["hosts"].string(), port));
    ssh::Target login;
    login.user = parameters["username"].string();
    login.password = parameters["password"].string();
    login.private_key = login.password.empty() ? parameters["private_key"].string() : "";
    login.passphrase = login.password.empty() ? parameters["passphrase"].string() : "";
    login.bastion = parameters["bastion_host"].string();

    process::Environment environment;
    add_user_variables(parameters["env"], environment);
    add_action_variables(request, environment);
    RemotePlan plan;
    plan.timeout = parameters["timeout"];
    plan.mark = request.liveaction_id;
    plan.asks_sudo_password = parameters["sudo"].truthy() && !parameters["sudo_password"].string().empty();
    SQ_CHECK(plan_command(request, environment, plan));
    return std::make_shared<RemoteJob>(executor_, options_, name_, std::move(hosts), std::move(login), std::move(plan),
                                       stop, handlers);
  }

  const std::string name_;
  Executor& executor_;
  const RemoteOptions options_;
  std::vector<std::weak_ptr<RemoteJob>> jobs_;
  ThreadPool pool_;  // ends first
};

class RemoteShellRunner final : public RemoteRunner {
 public:
  using RemoteRunner::RemoteRunner;

 protected:
  Status plan_command(const ActionRequest& request, const process::Environment& environment,
                      RemotePlan& plan) const override {
    if (!request.entry_point.empty())
      return fail(ErrorCode::kInvalid,
                  fmt::format("Action \"{}\" specified \"entry_point\" attribute. Perhaps wanted to use "
                              "\"remote-shell-script\" runner?",
                              request.action_ref));
    const Value& command = request.runner_parameters["cmd"];
    if (!command.is_string()) return fail(ErrorCode::kInvalid, "the parameter \"cmd\" has no value");
    const std::string directory = request.runner_parameters["cwd"].string();
    plan.shown_command = remote_script({}, directory, command.string());
    plan.launch = launch_of(request, remote_script(environment, directory, command.string()));
    return {};
  }
};

class RemoteScriptRunner final : public RemoteRunner {
 public:
  using RemoteRunner::RemoteRunner;

 protected:
  Status plan_command(const ActionRequest& request, const process::Environment& environment,
                      RemotePlan& plan) const override {
    const Value& parameters = request.runner_parameters;
    SQ_TRY(plan.local_script, entry_point_path(request));
    const std::filesystem::path script = plan.local_script;
    std::error_code error;
    if (!std::filesystem::is_regular_file(script, error))
      return fail(ErrorCode::kNotFound, fmt::format("Local path {} does not exist.", plan.local_script));
    if (const auto libraries = script.parent_path() / kLibraryDirectory;
        std::filesystem::is_directory(libraries, error))
      plan.local_libraries = libraries.string();
    plan.remote_directory = fmt::format("{}/{}", parameters["dir"].string_or("/tmp"), request.liveaction_id);
    plan.remote_script = plan.remote_directory + "/" + script.filename().string();

    std::string command = shell_quote(plan.remote_script);
    const std::string arguments = script_arguments(request.action_parameters, request.parameter_schema,
                                                   parameters["kwarg_op"].string_or(kDefaultKwargOp));
    if (!arguments.empty()) command += " " + arguments;
    const std::string directory = parameters["cwd"].string().empty() ? "" : shell_quote(parameters["cwd"].string());
    // The arguments may hold secret parameters of the action.
    plan.shown_command = remote_script({}, directory, shell_quote(plan.remote_script));
    plan.launch = launch_of(request, remote_script(environment, directory, command));
    return {};
  }
};

}  // namespace

std::unique_ptr<Runner> make_remote_shell_runner(Executor& executor, RemoteOptions options) {
  return std::make_unique<RemoteShellRunner>("remote-shell-cmd", executor, std::move(options));
}

std::unique_ptr<Runner> make_remote_script_runner(Executor& executor, RemoteOptions options) {
  return std::make_unique<RemoteScriptRunner>("remote-shell-script", executor, std::move(options));
}

}  // namespace squall::runners
