// Native actions: actions written in C++, with runner_type `native` and their name as entry_point.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/stop_token.hpp"
#include "runners/runner.hpp"
#include "value/value.hpp"

namespace squall::net {
class HttpClient;
}
namespace squall::clients {
class VaultClients;
std::shared_ptr<VaultClients> make_vault_clients(net::HttpClient& http, const Clock& clock, Random& random);
}  // namespace squall::clients

namespace squall::runners {

// What native actions may use; outlives them.
struct NativeServices {
  net::HttpClient& http;
  const Clock& clock = Clock::system();
  Random& random = Random::system();
  // Value of an environment variable, empty when unset. Injected for tests.
  std::function<std::string(const std::string&)> environment;
  // Runs a program and gives its output, for profiles of AWS with a credential_process; empty: none may be run.
  std::function<Result<std::string>(const std::vector<std::string>& command, const StopToken& stop)> run_program = {};
  // Logins at Vault, which outlive the calls that made them: any action may meet a secretref handle. Shared, because
  // the type is known to vault's files alone.
  std::shared_ptr<clients::VaultClients> vault = clients::make_vault_clients(http, clock, random);
};

struct NativeCall {
  const ActionRequest& request;
  const Value& parameters;  // request.action_parameters
  const Value& state;       // request.wait_state: null on the first call
  StopToken stop;
  NativeServices& services;
};

// What a native action answers. An Error of the Result becomes a failed execution with
// {"error": message, "code": type or code name, "http_status"?: n}.
struct NativeAnswer {
  Value result;
  bool failed = false;
  std::shared_ptr<Wait> wait;

  static NativeAnswer succeeded(Value result) { return {std::move(result), false, nullptr}; }
  static NativeAnswer failure(Value result) { return {std::move(result), true, nullptr}; }
  // Call again after `delay` with `state`. Holds no thread meanwhile and survives a restart. `reason`, if there is one,
  // is shown as the running execution's result: {"waiting": reason}.
  static NativeAnswer wait_for(Duration delay, Value state, std::string_view reason = {}) {
    Value shown = reason.empty() ? Value() : Value::dict({{"waiting", reason}});
    return {std::move(shown), false, std::make_shared<Wait>(Wait{delay, std::move(state)})};
  }
};

struct NativeAction {
  std::string name;  // "aws.rds_create_db_instance"
  // May be made again when squall died in the middle of it. Everything that looks before it acts is idempotent.
  bool idempotent = true;
  // Runs on the executor's thread instead of the pool: only for actions that neither block nor compute long.
  bool runs_inline = false;
  std::function<Result<NativeAnswer>(const NativeCall&)> run;
  // Packs, besides the action's own, whose configs it reads (ActionRequest::service_configs).
  std::vector<std::string> configs = {};
};

class NativeRegistry {
 public:
  void add(NativeAction action);
  const NativeAction* find(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, NativeAction, std::less<>> actions_;
};

// The runner `native`: blocking actions run on a bounded pool of threads (limits::kNativeThreadsMax, made on demand).
std::unique_ptr<Runner> make_native_runner(Executor& executor, const NativeRegistry& registry,
                                           NativeServices& services);

}  // namespace squall::runners
