// Traces: what followed from one event or one request.
#include "api/api.hpp"
#include "api/listing.hpp"
#include "api/resources.hpp"
#include "engine/traces.hpp"
#include "model/execution.hpp"

namespace squall::api {
namespace {

using auth::Permission;
using store::Collection;
using store::Compare;

constexpr std::string_view kAlways[] = {"id"};
constexpr std::string_view kAttributes[] = {
    "id", "uid", "trace_tag", "start_timestamp", "action_executions", "rules", "trigger_instances"};
constexpr StoredFilter kFilters[] = {{"trace_tag", "trace_tag"}};
// Of a rule the traces of its latest enforcements are shown.
constexpr int64_t kEnforcementsOfRuleMax = 1000;

ListSpec trace_spec(engine::Engine& engine) {
  ListSpec spec;
  spec.attributes = kAttributes;
  spec.always = kAlways;
  spec.view = [&engine](const Value& trace) {
    Value shown;
    const Status read = engine.store().read([&](store::ReadTx& tx) -> Status {
      SQ_TRY(shown, engine::trace_view(tx, trace));
      return {};
    });
    return read ? shown : trace;
  };
  return spec;
}

Status add_trace_of(store::ReadTx& tx, Collection collection, const std::string& id, List& traces) {
  SQ_TRY(const auto record, tx.get(collection, id));
  if (record && record->document[model::kTrace].is_string()) traces.push_back(record->document[model::kTrace]);
  return {};
}

// The traces that a component belongs to; nothing when the request names none.
Result<std::optional<List>> traces_of_components(engine::Engine& engine, const Call& call) {
  const std::string execution = call.query("execution"), instance = call.query("trigger_instance"),
                    rule = call.query("rule");
  if (execution.empty() && instance.empty() && rule.empty()) return std::optional<List>();
  List traces;
  const Status read = engine.store().read([&](store::ReadTx& tx) -> Status {
    if (!execution.empty()) SQ_CHECK(add_trace_of(tx, Collection::kExecutions, execution, traces));
    if (!instance.empty()) SQ_CHECK(add_trace_of(tx, Collection::kTriggerInstances, instance, traces));
    if (rule.empty()) return {};
    store::Query query;
    query.filters = {{"rule_id", Compare::kEqual, Value(rule)}};
    query.sort = {{"id", true}};
    query.limit = kEnforcementsOfRuleMax;
    SQ_TRY(const store::Page page, tx.list(Collection::kEnforcements, query));
    for (const store::Record& record : page.records) {
      SQ_CHECK(
          add_trace_of(tx, Collection::kTriggerInstances, record.document["trigger_instance_id"].string(), traces));
    }
    return {};
  });
  if (!read) return fail(read.error());
  return std::optional<List>(std::move(traces));
}

void list(engine::Engine& engine, const Call& call) {
  const auto traces = traces_of_components(engine, call);
  if (!traces) return call.fail(traces.error());
  std::vector<store::Filter> fixed;
  if (*traces) fixed.push_back({"id", Compare::kIn, Value(List(**traces))});
  reply_stored_list(call, engine.store(), Collection::kTraces, kFilters, "-start_timestamp", trace_spec(engine),
                    std::move(fixed));
}

ResourceOf named_trace(engine::Engine& engine) {
  return [&engine](const Call& call) -> Result<auth::Resource> {
    SQ_TRY(const Value trace, engine.store().find(Collection::kTraces, call.parameter("id")));
    if (trace.is_null()) return fail(unknown_id(call.parameter("id")));
    return auth::plain_resource("trace:" + trace["trace_tag"].string());
  };
}

void one(engine::Engine& engine, const Call& call) {
  Value found;
  const Status read = engine.store().read([&](store::ReadTx& tx) -> Status {
    SQ_TRY(const auto record, tx.get(Collection::kTraces, call.parameter("id")));
    if (!record) return {};
    SQ_TRY(found, engine::trace_view(tx, record->document));
    return {};
  });
  if (!read) return call.fail(read.error());
  if (found.is_null()) return call.fail(unknown_id(call.parameter("id")));
  call.reply(200, found);
}

}  // namespace

void add_trace_routes(Router& router, engine::Engine& engine) {
  router.add(
      "GET", "/traces", RouteAccess::needs(Permission::kTraceList),
      RouteDoc("List traces").page().filters(kFilters).query("execution").query("rule").query("trigger_instance"),
      [&engine](const Call& call) { list(engine, call); });
  router.add("GET", "/traces/{id}", RouteAccess::needs(Permission::kTraceView, named_trace(engine)), "One trace",
             [&engine](const Call& call) { one(engine, call); });
}

}  // namespace squall::api
