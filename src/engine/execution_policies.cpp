// Policies of actions (stackstorm-features.md section J): how many executions may run at the same time, first come
// first served, and whether a failed one is tried again.
#include <algorithm>

#include "base/log.hpp"
#include "engine/execution_live.hpp"
#include "value/schema.hpp"

namespace squall::engine {
namespace {

namespace status = model::status;
using store::Collection;

constexpr std::string_view kConcurrency = "action.concurrency";
constexpr std::string_view kConcurrencyByAttribute = "action.concurrency.attr";
constexpr std::string_view kRetry = "action.retry";

bool limits_concurrency(const Value& policy) {
  const std::string_view type = policy["policy_type"].string_or("");
  return policy["enabled"].bool_or(true) && (type == kConcurrency || type == kConcurrencyByAttribute);
}

// The parameters as the action will see them, as far as values are compared.
Value with_action_defaults(const Value& document, const Value& parameters) {
  return schema::with_defaults(
      parameters, merge_parameter_schemas(document["runner"]["runner_parameters"], document["action"]["parameters"]));
}

}  // namespace

void ExecutionDriver::mark_admitted(Live& execution) {
  execution.admitted = true;
  active_[execution.action_ref()].insert(execution.id);
}

// Executions of the same action that run, and have the same values of these parameters.
size_t ExecutionDriver::count_active(const Live& execution, const Value& attributes) const {
  const auto active = active_.find(execution.action_ref());
  if (active == active_.end()) return 0;
  const Value own = attributes.empty() ? Value() : with_action_defaults(execution.document, execution.parameters);
  size_t count = 0;
  for (const std::string& id : active->second) {
    const Live& other = *live_.find(id)->second;
    // What waits for people holds nobody up.
    if (other.status() == status::kPaused || other.status() == status::kPending) continue;
    const Value theirs = attributes.empty() ? Value() : with_action_defaults(other.document, other.parameters);
    const bool same = attributes.empty() ||
                      std::all_of(attributes.as_list().begin(), attributes.as_list().end(), [&](const Value& name) {
                        return own[name.string_or("")] == theirs[name.string_or("")];
                      });
    if (same) ++count;
  }
  return count;
}

// The first policy that does not let it start decides.
ExecutionDriver::Verdict ExecutionDriver::judge(const Live& execution) const {
  for (const Value& policy : deps_.catalog.policies_of(execution.action_ref())) {
    if (!limits_concurrency(policy)) continue;
    const Value& parameters = policy["parameters"];
    const bool by_attribute = policy["policy_type"].string_or("") == kConcurrencyByAttribute;
    const Value attributes =
        by_attribute && parameters["attributes"].is_list() ? parameters["attributes"] : Value::empty_list();
    if (static_cast<int64_t>(count_active(execution, attributes)) < parameters["threshold"].int_or(0)) continue;
    const bool cancel = parameters["action"].string_or("delay") == "cancel";
    return {cancel ? Verdict::kCancel : Verdict::kDelay, policy["ref"].string(), attributes.empty()};
  }
  return {};
}

// True when it may start now. Else it is held back, or has been canceled and is gone.
bool ExecutionDriver::pass_policies(Live& execution, Changes& changes) {
  if (execution.admitted) return true;
  const std::string action = execution.action_ref(), id = execution.id;
  const Verdict verdict = judge(execution);
  const bool others_wait = held_back_.find(action) != held_back_.end();
  if (verdict.what == Verdict::kCancel) {
    cancel_for(verdict, execution, changes);
    return false;
  }
  if (verdict.what == Verdict::kStart && !others_wait) {
    mark_admitted(execution);
    return true;
  }
  held_back_[action].push_back(id);
  // It may start, but those that wait already come first if they may, too.
  if (verdict.what == Verdict::kStart) release(action, changes);
  const auto still = live_.find(id);
  if (still != live_.end() && !still->second->admitted && still->second->status() != status::kDelayed) {
    model::set_status(still->second->document, status::kDelayed, deps_.clock.now());
    save(*still->second, changes);
  }
  return false;
}

void ExecutionDriver::cancel_for(const Verdict& verdict, Live& execution, Changes& changes) {
  const std::string message =
      "Canceled by the policy " + verdict.policy + ": as many executions of the action run as it allows.";
  finish(execution, status::kCanceled, Value::dict({{"message", message}, {"policy", verdict.policy}}), changes);
}

void ExecutionDriver::release_held_back(Changes& changes) {
  std::vector<std::string> actions;
  for (const auto& [action, ids] : held_back_) actions.push_back(action);
  for (const std::string& action : actions) release(action, changes);
}

// What is released may end within the call, which releases more: one after another, so that the calls do not nest.
void ExecutionDriver::release(const std::string& action, Changes& changes) {
  if (held_back_.find(action) == held_back_.end()) return;
  to_release_.insert(action);
  if (releasing_) return;
  releasing_ = true;
  while (!to_release_.empty()) {
    const std::string next = *to_release_.begin();
    to_release_.erase(to_release_.begin());
    release_of(next, changes);
  }
  releasing_ = false;
}

void ExecutionDriver::release_of(const std::string& action, Changes& changes) {
  std::deque<std::string>& queue = held_back_[action];
  for (size_t i = 0; i < queue.size();) {
    const auto found = live_.find(queue[i]);
    const auto take = [&] { queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(i)); };
    if (found == live_.end()) {  // canceled meanwhile
      take();
      continue;
    }
    Live& execution = *found->second;
    const Verdict verdict = judge(execution);
    if (verdict.what == Verdict::kDelay) {
      if (verdict.everybody) break;
      ++i;
      continue;
    }
    take();
    if (verdict.what == Verdict::kCancel) {
      cancel_for(verdict, execution, changes);
      continue;
    }
    mark_admitted(execution);
    activate(execution, changes);
  }
  if (queue.empty()) held_back_.erase(action);
}

// A failed execution is followed by a new one, in the transaction of its end. Tasks of workflows are not: these have
// their own ways to try again (J-4).
void ExecutionDriver::retry(const Value& finished, const Value& given, Changes& changes) {
  const std::string end = finished["status"].string();
  const Value& context = finished["context"];
  if ((end != status::kFailed && end != status::kTimeout) || !context["parent"].is_null()) return;
  const std::string action = finished["action"]["ref"].string();
  for (const Value& policy : deps_.catalog.policies_of(action)) {
    if (!policy["enabled"].bool_or(true) || policy["policy_type"].string_or("") != kRetry) continue;
    const Value& parameters = policy["parameters"];
    const std::string_view wanted = end == status::kFailed ? "failure" : "timeout";
    const int64_t count = context["policies"]["retry"]["retry_count"].int_or(0);
    if (parameters["retry_on"].string_or("") != wanted || count >= parameters["max_retry_count"].int_or(2)) continue;
    ExecutionRequest request;
    request.action = action;
    request.parameters = given;
    request.render = false;
    request.user = context["user"].string();
    request.delay_ms = static_cast<int64_t>(parameters["delay"].double_or(0) * 1000);
    request.context = context;
    request.embedded = Value::dict({{model::kTrace, finished[model::kTrace]}});
    Value policies = context["policies"].is_dict() ? context["policies"] : Value::empty_dict();
    policies.set("retry", Value::dict({{"applied_policy", policy["ref"]},
                                       {"retry_count", count + 1},
                                       {"retried_liveaction_id", finished["liveaction"]["id"]}}));
    request.context.set("policies", std::move(policies));
    auto again = this->request(std::move(request), changes);
    if (!again) {
      log_warning("a failed execution cannot be tried again",
                  {{"execution", finished["id"].string()}, {"reason", again.error().message()}});
    }
    return;
  }
}

}  // namespace squall::engine
