#include "runners/native_patience.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace squall::runners {
namespace {

constexpr const char* kAway = "squall_away";  // in the wait state: since when, how many tries, why
constexpr const char* kKept = "squall_kept";  // the action's own wait state
constexpr Duration kFirstDelay = std::chrono::seconds(1);
constexpr Duration kDelayMax = std::chrono::seconds(30);
constexpr int64_t kDoublingsMax = 5;

bool is_away(const Error& error) {
  // Waiting does not mend a certificate, and who has waited to its own end shall not begin again.
  if (error.type() == "TlsVerification" || error.type() == "TimedOut") return false;
  return error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kTimeout;
}

int64_t timeout_seconds(const NativeCall& call) {
  const Value& given = call.parameters["unavailable_timeout"];
  if (given.is_int()) return given.as_int();
  return call.request.config["unavailable_timeout"].int_or(kUnavailableTimeoutSeconds);
}

Result<NativeAnswer> wait_longer(const NativeCall& call, const Value& kept, const Error& error) {
  const Value& away = call.state[kAway];
  const Timestamp now = call.services.clock.now();
  const Timestamp since = parse_timestamp(away["since"].string_or("")).value_or(now);
  const int64_t tries = away["tries"].int_or(0) + 1;
  const Duration waited = std::max(Duration::zero(), Duration(now - since));
  const Duration limit = std::chrono::seconds(timeout_seconds(call));
  if (waited >= limit) {
    if (tries == 1) return fail(error);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(waited).count();
    return fail(
        error.with_context("given up after " + std::to_string(seconds) + " s and " + std::to_string(tries) + " tries"));
  }
  if (tries == 1) {
    log_warning(
        "an action waits until a service is back",
        {{"action", call.request.action_ref}, {"execution", call.request.execution_id}, {"reason", error.to_string()}});
  }
  const Duration base = std::min(kDelayMax, kFirstDelay * (1 << std::min(tries - 1, kDoublingsMax)));
  const auto fifth = static_cast<uint64_t>(base.count() / 5);
  const Duration delay = base - base / 5 + Duration(static_cast<int64_t>(call.services.random.below(2 * fifth + 1)));
  Value state = Value::dict({{kAway, Value::dict({{"since", format_timestamp(since)},
                                                  {"tries", tries},
                                                  {"reason", mask_secrets(error.to_string())}})}});
  if (!kept.is_null()) state.set(kKept, kept);
  return NativeAnswer::wait_for(std::min(delay, limit - waited), std::move(state), mask_secrets(error.to_string()));
}

}  // namespace

NativeFunction patient(NativeFunction run) {
  return [run = std::move(run)](const NativeCall& call) -> Result<NativeAnswer> {
    const bool was_away = call.state[kAway].is_dict();
    const Value& kept = was_away ? call.state[kKept] : call.state;
    const NativeCall inner{call.request, call.parameters, kept, call.stop, call.services};
    Result<NativeAnswer> answer = run(inner);
    if (answer || !is_away(answer.error()) || call.stop.stopped()) {
      if (was_away) log_info("the service is back", {{"execution", call.request.execution_id}});
      return answer;
    }
    return wait_longer(call, kept, answer.error());
  };
}

}  // namespace squall::runners
