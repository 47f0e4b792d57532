// Runner: how an action of one runner type is carried out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/stop_token.hpp"
#include "value/value.hpp"

namespace squall::runners {

// What a runner is given: everything rendered and cast, nothing to look up.
struct ActionRequest {
  std::string execution_id;
  std::string liveaction_id;
  std::string action_ref;
  std::string pack;
  std::string pack_path;    // directory of the pack
  std::string entry_point;  // as in the metadata, relative to <pack_path>/actions
  Value runner_parameters;  // dict
  Value action_parameters;  // dict
  Value parameter_schema;   // the action's own parameters, for positions of script arguments
  Value config;             // the pack's config, dynamic values resolved
  Value context;            // the execution's context
  Value vault_config;       // config of the pack `vault`, for secretref handles in parameters of other packs
  Value service_configs;    // configs of further packs, by name: those that Runner::configs_needed() names
  std::string user;
  std::string api_url;     // "http://127.0.0.1:9101/v1"
  std::string auth_token;  // for the action's own calls to the API; empty when authentication is off
  Value wait_state;        // what a native action kept when it chose to wait; null at the first start
  std::string log_level;
};

struct Wait {
  Duration delay;  // from now
  Value state;     // given back as ActionRequest::wait_state; stored durably, so no secrets
};

// How an attempt ended. `result` has the runner's StackStorm shape (stackstorm-features.md section C).
struct ActionOutcome {
  std::string status;  // "succeeded", "failed", "timeout", "abandoned", "canceled"; "running" with `wait`
  Value result;
  std::shared_ptr<Wait> wait;  // set: the action is not done; call it again later
};

enum class OutputKind { kStdout, kStderr };

struct RunHandlers {
  // May be called any number of times before the outcome.
  std::function<void(OutputKind, std::string_view chunk)> on_output;
  // Exactly once, on the executor.
  std::function<void(ActionOutcome)> on_done;
  // Process id of the child, for the record; runners without a child do not call it.
  std::function<void(int pid)> on_process;
};

// Stateless apart from what it runs. Called on the executor's thread; start() must not block.
class Runner {
 public:
  virtual ~Runner() = default;
  // A stop asks to end early; the outcome still comes, as "canceled" if nothing better is known.
  virtual void start(const ActionRequest& request, StopToken stop, RunHandlers handlers) = 0;
  // True when an attempt whose end is unknown (squall died) may simply be made again.
  virtual bool is_idempotent(const ActionRequest& request) const = 0;
  // Packs, besides the action's own, whose configs the action is to be given.
  virtual std::vector<std::string> configs_needed(std::string_view entry_point) const {
    (void)entry_point;
    return {};
  }
  // True when it occupies a child process, of which there is a limited number at a time.
  virtual bool uses_process() const = 0;
};

}  // namespace squall::runners
