#include "engine/trigger_processor.hpp"

#include "base/ids.hpp"
#include "base/log.hpp"
#include "engine/key_values.hpp"
#include "engine/traces.hpp"
#include "model/execution.hpp"
#include "value/json_form.hpp"
#include "value/python.hpp"
#include "value/schema.hpp"

namespace squall::engine {
namespace {

using store::Collection;

// The rule as executions embed it: the trigger's parameters are part of it.
Value embedded_rule(const Rule& rule, const Value& trigger) {
  Value document = rule.document;
  document.set(
      "trigger",
      Value::dict({{"type", trigger["type"]}, {"parameters", trigger["parameters"]}, {"ref", trigger["ref"]}}));
  return document;
}

// StackStorm's own trigger types come from no file.
Value shown_trigger_type(Value type) {
  if (type["ref"].string_or("").starts_with("core.st2.")) type.mut_dict().erase("metadata_file");
  return type;
}

// Of a refused payload in a message; the whole of it may be megabytes.
constexpr size_t kShownPayloadBytesMax = 4096;

Error refused(const std::string& trigger, const Value& payload, const std::string& reason) {
  std::string shown = python::str(payload);
  if (shown.size() > kShownPayloadBytesMax) shown = shown.substr(0, kShownPayloadBytesMax) + "...";
  return Error(ErrorCode::kInvalid,
               valid_text("Trigger payload validation failed and validation is enabled, not dispatching a trigger \"" +
                          trigger + "\" (" + shown + "): " + reason));
}

Value outcome_document(const rules::CriterionOutcome& outcome) {
  Value shown = Value::dict({{"criterion", outcome.key},
                             {"type", outcome.operator_name},
                             {"pattern", outcome.pattern},
                             {"value", outcome.value},
                             {"matched", outcome.matched}});
  if (outcome.error) shown.set("error", outcome.error->to_string());
  return shown;
}

}  // namespace

Result<Value> TriggerProcessor::process(const TriggerEvent& event, Changes& changes) {
  const Value* trigger = catalog_.find(Collection::kTriggers, event.trigger);
  const Value* type = trigger != nullptr ? catalog_.find(Collection::kTriggerTypes, (*trigger)["type"].string_or(""))
                                         : catalog_.find(Collection::kTriggerTypes, event.trigger);
  if (type == nullptr) {
    return fail(refused(event.trigger, event.payload,
                        "Trigger type with reference \"" + event.trigger + "\" doesn't exist in the database"));
  }
  const auto payload = json_form(event.payload);
  if (!payload) return fail(refused(event.trigger, event.payload, payload.error().message()));
  const Value& schema = (*type)["payload_schema"];
  if (event.check_payload && !schema.empty()) {
    const auto violations = schema::check(*payload, schema);
    if (!violations.empty()) return fail(refused(event.trigger, *payload, schema::best_match(violations).text()));
  }
  const std::string id = new_object_id(clock_);
  const Value instance = Value::dict({{"trigger", event.trigger},
                                      {"occurrence_time", format_timestamp(clock_.now())},
                                      {"payload", *payload},
                                      {"status", "processed"},
                                      {"id", id}});
  // One id for everything that follows from this event. An event that nothing follows from begins no trace, unless it
  // was given a tag.
  std::string trace = event.trace;
  const std::string tag = event.trace_tag.empty() ? "trigger_instance-" + id : valid_text(event.trace_tag);
  const auto trace_context = [&] {
    if (trace.empty()) trace = begin_trace(clock_, tag, changes, id);
    return Value::dict({{"id_", trace}, {"trace_tag", tag}});
  };
  if (!event.trace_tag.empty()) trace_context();

  // Backstop rules run only when no other rule matched (I-3).
  bool matched = false;
  const auto all = catalog_.rules_of(event.trigger);
  for (const bool backstop : {false, true}) {
    if (backstop && matched) break;
    for (const auto& rule : all) {
      if (!rule->enabled || rule->backstop != backstop) continue;
      if (rule->criteria_error) {
        record_failure(*rule, instance, rule->criteria_error->to_string(), changes);
        continue;
      }
      const rules::Verdict verdict =
          rule->criteria->evaluate({*payload, make_st2kv(store_, user_), clock_.now()}, false);
      if (verdict.error) {
        record_failure(*rule, instance, rules::failure_reason(verdict, rule->ref, id), changes);
        continue;
      }
      if (!verdict.matched) continue;
      matched = true;
      static const Value kNoTrigger;
      enforce(*rule, instance, trigger != nullptr ? *trigger : kNoTrigger, *type, trace_context(), changes);
    }
  }
  Value stored = instance;
  if (!trace.empty()) {
    stored.set(model::kTrace, trace);
    if (!event.trace.empty()) join_trace(trace, id, changes);
  }
  changes.put(Collection::kTriggerInstances, id, stored);
  return instance;
}

Value TriggerProcessor::enforcement(const Rule& rule, const Value& instance) const {
  return Value::dict({{"trigger_instance_id", instance["id"]},
                      {"rule", Value::dict({{"ref", rule.ref}, {"id", rule.id}, {"uid", rule.document["uid"]}})},
                      {"enforced_at", format_timestamp(clock_.now())}});
}

void TriggerProcessor::record_failure(const Rule& rule, const Value& instance, const std::string& reason,
                                      Changes& changes) {
  Value document = enforcement(rule, instance);
  const std::string id = new_object_id(clock_);
  document.set("status", "failed");
  document.set("failure_reason", valid_text(reason));
  document.set("id", id);
  changes.put(Collection::kEnforcements, id, document);
  log_warning("a rule could not be enforced",
              {{"rule", rule.ref}, {"trigger_instance", instance["id"].string()}, {"reason", reason}});
}

void TriggerProcessor::enforce(const Rule& rule, const Value& instance, const Value& trigger, const Value& trigger_type,
                               const Value& trace_context, Changes& changes) {
  Value embedded_instance = instance;
  embedded_instance.set("status", "processing");
  ExecutionRequest request;
  request.action = rule.document["action"]["ref"].string();
  request.parameters = rule.document["action"]["parameters"];
  request.user = user_;
  request.trigger_payload = instance["payload"];
  request.context = Value::dict({{"trigger_instance", Value::dict({{"id", instance["id"]}, {"name", Value()}})},
                                 {"rule", Value::dict({{"id", rule.id}, {"name", rule.document["name"]}})},
                                 {"pack", rule.document["pack"]},
                                 {"trace_context", trace_context}});
  request.embedded = Value::dict({{"rule", embedded_rule(rule, trigger)},
                                  {"trigger", trigger},
                                  {"trigger_type", shown_trigger_type(trigger_type)},
                                  {"trigger_instance", embedded_instance}});
  auto execution = driver_.request(std::move(request), changes);
  if (!execution) {
    record_failure(rule, instance, execution.error().message(), changes);
    return;
  }
  Value document = enforcement(rule, instance);
  const std::string id = new_object_id(clock_);
  document.set("execution_id", (*execution)["id"]);
  document.set("status", "succeeded");
  document.set("id", id);
  changes.put(Collection::kEnforcements, id, document);
}

Value TriggerProcessor::explain_rule(const Rule& rule, const Value& instance) const {
  Value shown = Value::dict({{"rule", rule.ref}, {"trigger", rule.trigger}, {"enabled", rule.enabled}});
  const bool same_trigger = rule.trigger == instance["trigger"].string_or("");
  std::string reason;
  bool matched = false;
  List criteria;
  if (!same_trigger) {
    reason = "the rule is for trigger " + rule.trigger + ", this instance is of " + instance["trigger"].string();
  } else if (rule.criteria_error) {
    reason = "its criteria are invalid: " + rule.criteria_error->to_string();
  } else {
    const auto verdict = rule.criteria->evaluate({instance["payload"], make_st2kv(store_, user_), clock_.now()}, true);
    for (const auto& outcome : verdict.outcomes) criteria.push_back(outcome_document(outcome));
    matched = verdict.matched && rule.enabled;
    if (!rule.enabled) {
      reason = verdict.matched ? "all criteria hold, but the rule is disabled"
                               : "the rule is disabled, and a criterion does not hold";
    } else if (verdict.error) {
      reason = "a criterion failed: " + verdict.error->message();
    } else if (!verdict.matched) {
      reason = instance["payload"].empty() && !rule.document["criteria"].empty() ? "the payload is empty"
                                                                                 : "a criterion does not hold";
    } else {
      reason = rule.backstop ? "all criteria hold; a backstop rule runs only when no other rule matched"
                             : "all criteria hold";
    }
  }
  shown.set("matched", matched);
  shown.set("reason", reason);
  shown.set("criteria", Value(std::move(criteria)));
  return shown;
}

Value TriggerProcessor::explain(const Value& instance) const {
  List rules;
  for (const auto& rule : catalog_.all_rules()) rules.push_back(explain_rule(*rule, instance));
  return Value::dict({{"trigger_instance", instance["id"]},
                      {"trigger", instance["trigger"]},
                      {"occurrence_time", instance["occurrence_time"]},
                      {"rules", Value(std::move(rules))}});
}

}  // namespace squall::engine
