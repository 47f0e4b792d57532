#include "engine/traces.hpp"

#include <algorithm>

#include "base/ids.hpp"
#include "crypto/hash.hpp"
#include "model/execution.hpp"

namespace squall::engine {
namespace {

using store::Collection;
using store::Compare;

Value component(const Value& id, const Value& ref, const Value& time, const char* cause, const std::string& cause_id) {
  Value caused_by = Value::empty_dict();
  if (!cause_id.empty()) caused_by = Value::dict({{"type", cause}, {"id", cause_id}});
  return Value::dict({{"object_id", id}, {"ref", ref}, {"updated_at", time}, {"caused_by", caused_by}});
}

Status add_executions(store::ReadTx& tx, const std::string& trace, List& components) {
  store::Query query;
  query.filters = {{"trace", Compare::kEqual, Value(trace)}};
  query.sort = {{"id", false}};
  SQ_TRY(const store::Page page, tx.list(Collection::kExecutions, query));
  for (const store::Record& record : page.records) {
    const Value& execution = record.document;
    const std::string parent = execution["parent"].string();
    const std::string rule = execution["rule"]["id"].string();
    const bool by_rule = parent.empty() && !rule.empty();
    components.push_back(component(execution["id"], execution["action"]["ref"], execution["start_timestamp"],
                                   by_rule ? "rule" : "execution",
                                   by_rule ? rule + ":" + execution["trigger_instance"]["id"].string() : parent));
  }
  return {};
}

Status add_instance(store::ReadTx& tx, const std::string& id, List& instances, List& rules) {
  SQ_TRY(const auto record, tx.get(Collection::kTriggerInstances, id));
  if (!record) return {};
  const Value& instance = record->document;
  instances.push_back(component(instance["id"], instance["trigger"], instance["occurrence_time"], "execution",
                                instance["payload"]["execution_id"].string()));
  store::Query query;
  query.filters = {{"trigger_instance", Compare::kEqual, Value(id)}};
  query.sort = {{"id", false}};
  SQ_TRY(const store::Page page, tx.list(Collection::kEnforcements, query));
  for (const store::Record& enforcement : page.records) {
    const Value& rule = enforcement.document["rule"];
    rules.push_back(component(rule["id"], rule["ref"], enforcement.document["enforced_at"], "trigger_instance", id));
  }
  return {};
}

}  // namespace

std::string begin_trace(const Clock& clock, const std::string& tag, Changes& changes,
                        const std::string& trigger_instance) {
  const std::string id = new_object_id(clock);
  Value instances = Value::empty_list();
  if (!trigger_instance.empty()) instances.push_back(trigger_instance);
  changes.put(Collection::kTraces, id,
              Value::dict({{"uid", "trace:" + crypto::md5_hex(id)},
                           {"trace_tag", tag},
                           {"start_timestamp", format_timestamp(clock.now())},
                           {"trigger_instances", std::move(instances)},
                           {"id", id}}));
  return id;
}

void join_trace(const std::string& trace, const std::string& trigger_instance, Changes& changes) {
  changes.add([trace, trigger_instance](store::WriteTx& tx) -> Status {
    SQ_TRY(const auto record, tx.get(Collection::kTraces, trace));
    if (!record) return {};
    Value document = record->document;
    document.mut_dict()["trigger_instances"].push_back(trigger_instance);
    return tx.put(Collection::kTraces, trace, document);
  });
}

Result<Value> trace_view(store::ReadTx& tx, const Value& trace) {
  List executions, rules, instances;
  SQ_CHECK(add_executions(tx, trace["id"].string(), executions));
  for (const Value& id : trace["trigger_instances"].as_list())
    SQ_CHECK(add_instance(tx, id.string(), instances, rules));
  return Value::dict({{"uid", trace["uid"]},
                      {"trace_tag", trace["trace_tag"]},
                      {"trigger_instances", Value(std::move(instances))},
                      {"rules", Value(std::move(rules))},
                      {"action_executions", Value(std::move(executions))},
                      {"start_timestamp", trace["start_timestamp"]},
                      {"id", trace["id"]}});
}

}  // namespace squall::engine
