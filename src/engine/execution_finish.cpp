// The end of executions, and the net under their records: whatever an action brings about, its record can be kept.
#include "base/assert.hpp"
#include "base/log.hpp"
#include "engine/execution_live.hpp"
#include "store/document.hpp"
#include "value/json_form.hpp"
#include "value/schema.hpp"

namespace squall::engine {
namespace {

namespace status = model::status;
using store::Collection;

constexpr JsonFormOptions kResultForm{
    .depth_max = limits::kResultDepthMax, .bytes_max = limits::kDocumentBytesMax, .repair_texts = true};

Status check(const Value& document) {
  return store::check_document(Collection::kExecutions, document["id"].string_or(""), document);
}

Value with_end(Value document, std::string_view end, Value result, Timestamp now) {
  model::set_finished(document, end, std::move(result), now);
  document.mut_dict().erase(model::kPrivate);
  return document;
}

// Only what squall itself wrote: this can be stored in any case.
Value bare_facts(const Value& document) {
  Value bare = Value::empty_dict();
  for (const char* key : {"id", "start_timestamp", "log", "parent", "children", "web_url", "_trace"}) {
    if (document.contains(key)) bare.set(key, document[key]);
  }
  bare.set("action", Value::dict({{"ref", document["action"]["ref"]},
                                  {"name", document["action"]["name"]},
                                  {"pack", document["action"]["pack"]}}));
  bare.set("runner", Value::dict({{"name", document["runner"]["name"]}}));
  bare.set("liveaction", Value::dict({{"id", document["liveaction"]["id"]}, {"action", document["action"]["ref"]}}));
  bare.set("parameters", Value::empty_dict());
  bare.set("context", Value::dict({{"user", document["context"]["user"]}}));
  return bare;
}

}  // namespace

Value finished_document(const Value& document, std::string_view end, const Value& result, Timestamp now) {
  SQ_ASSERT(model::is_final(end));
  auto form = json_form(result, kResultForm);
  Status refused;
  if (form) {
    Value whole = with_end(document, end, std::move(*form), now);
    refused = check(whole);
    if (refused) return whole;
  } else {
    refused = fail(form.error());
  }
  const std::string_view failed_end = end == status::kCanceled ? end : status::kFailed;
  const Value error = error_result("The result of the action cannot be recorded: " + refused.error().message());
  log_warning("an execution's result cannot be recorded",
              {{"execution", document["id"].string()}, {"reason", refused.error().message()}});
  Value failed = with_end(document, failed_end, error, now);
  return check(failed) ? failed : with_end(bare_facts(document), failed_end, error, now);
}

bool ExecutionDriver::save(Live& execution, Changes& changes) {
  if (execution.run != nullptr) {
    model::set_private_state(execution.document, "chain", execution.run->document());
    model::set_private_state(execution.document, "child", execution.child);
  }
  if (execution.is_workflow()) model::set_private_state(execution.document, "halted", execution.halted);
  auto ready = store::make_ready(Collection::kExecutions, execution.id, execution.document);
  if (!ready) {
    // E.g. a chain whose tasks' results together are more than one record can hold.
    finish(execution, status::kFailed,
           error_result("The state of the execution cannot be recorded: " + ready.error().message()), changes);
    return false;
  }
  changes.put(Collection::kExecutions, execution.id, *std::move(ready));
  return true;
}

void ExecutionDriver::finish(Live& execution, std::string_view end, Value result, Changes& changes) {
  const Value schema = execution.document["action"]["output_schema"];
  const std::string output_key = execution.document["runner"]["output_key"].string();
  if (schema["properties"].is_dict() && result[output_key].is_dict()) {
    result.set(output_key, schema::mask(result[output_key], schema["properties"]));
  }
  const Value document = finished_document(execution.document, end, result, deps_.clock.now());
  changes.put(Collection::kExecutions, execution.id, document);
  changes.erase(Collection::kWakeups, execution.id);
  if (execution.timer != 0) deps_.executor.cancel(execution.timer);
  const bool free_slot = execution.holds_process_slot;
  while (!execution.timers.empty()) drop_flow_timer(execution, execution.timers.begin()->first, changes);
  const std::string action = execution.action_ref();
  const Value parameters = execution.parameters;
  const int64_t number = execution.number;
  execution.stop.stop();
  if (execution.admitted) active_[action].erase(execution.id);
  auto node = live_.extract(execution.id);
  if (node.mapped()->flow != nullptr && !node.mapped()->flow->open_actions().empty()) {
    node.mapped()->document = document;
    lingering_.insert(std::move(node));
  }
  if (observer_) observer_(document, changes);
  ended_.push_back({document, number});
  drain_ended(changes);
  if (free_slot) {
    --running_processes_;
    start_waiting(changes);
  }
  release(action, changes);
  retry(document, parameters, changes);
}

// Tells workflows of the ends of their tasks, one after another: a task that ends while its chain starts it would
// otherwise nest one call in the other without bound.
void ExecutionDriver::drain_ended(Changes& changes) {
  if (draining_) return;
  draining_ = true;
  while (!ended_.empty()) {
    const Ended ended = std::move(ended_.front());
    ended_.pop_front();
    task_ended(ended.execution, ended.number, changes);
  }
  draining_ = false;
}

void ExecutionDriver::start_waiting(Changes& changes) {
  while (!waiting_.empty() && running_processes_ < options_.running_processes_max) {
    const std::string id = waiting_.front();
    waiting_.pop_front();
    const auto found = live_.find(id);
    if (found != live_.end() && found->second->status() == status::kRequested) activate(*found->second, changes);
  }
}

}  // namespace squall::engine
