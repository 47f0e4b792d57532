#include "engine/notifications.hpp"

#include "base/log.hpp"
#include "engine/key_values.hpp"
#include "expr/expr.hpp"
#include "model/execution.hpp"
#include "value/json.hpp"
#include "value/json_form.hpp"

namespace squall::engine {
namespace {

namespace status = model::status;

struct Section {
  const char* name;  // as in metadata; the API of executions has it with an underscore
  const char* also;
  const char* suffix;  // of the message when none is given
};
constexpr Section kSections[] = {{"on-complete", "on_complete", "completed."},
                                 {"on-success", "on_success", "succeeded."},
                                 {"on-failure", "on_failure", "failed."}};

bool applies(const Section& section, std::string_view end) {
  const std::string_view name = section.name;
  if (name == "on-complete") return true;
  const bool failed = end == status::kFailed || end == status::kTimeout || end == status::kAbandoned;
  return name == "on-success" ? end == status::kSucceeded : failed;
}

Value names_in_templates(const Value& execution, store::Store& store) {
  const Value st2kv = make_st2kv(store, execution["context"]["user"].string());
  return Value::dict({{"st2kv", st2kv},
                      {"system", st2kv["system"]},
                      {"action_parameters", execution["parameters"]},
                      {"action_context", execution["context"]},
                      {"action_results", execution["result"]}});
}

// One member, or as it is written when it cannot be rendered.
Value rendered(const std::string& key, const Value& value, const expr::Scope& names, const Value& execution) {
  auto form = expr::render_values(Value::dict({{key, value}}), names);
  if (form) form = json_form(*form);
  if (form) return (*form)[key];
  log_warning("a notification is sent with a template that cannot be rendered",
              {{"execution", execution["id"].string()}, {"member", key}, {"reason", form.error().message()}});
  return value;
}

const Value& routes_of(const Value& section) {
  const Value& routes = section["routes"];
  return routes.is_list() && !routes.empty() ? routes : section["channels"];  // the older name
}

// Of notifications only: the UTC offset is written out.
std::string offset_form(const Value& time) {
  std::string text = time.string();
  if (text.ends_with('Z')) text.replace(text.size() - 1, 1, "+00:00");
  return text;
}

}  // namespace

std::vector<Value> notifications_of(const Value& execution, store::Store& store) {
  std::vector<Value> payloads;
  const Value& notify = execution["liveaction"]["notify"];
  if (!notify.is_dict() || notify.empty()) return payloads;
  const std::string end = execution["status"].string();
  const expr::Scope names(names_in_templates(execution, store));
  for (const Section& section : kSections) {
    const Value& given = notify.contains(section.name) ? notify[section.name] : notify[section.also];
    const Value& routes = routes_of(given);
    if (!given.is_dict() || !routes.is_list() || !applies(section, end)) continue;
    const std::string action = execution["action"]["ref"].string();
    const std::string message = given["message"].string();
    Value data = Value::empty_dict();
    if (given["data"].is_dict()) {
      for (const auto& [key, value] : given["data"].as_dict()) data.set(key, rendered(key, value, names, execution));
    }
    auto text = write_json(execution["result"], JsonStyle::python());
    data.set("result", text ? *text : to_json(execution["result"]));
    Value payload = Value::dict(
        {{"message",
          rendered("message", message.empty() ? "Action " + action + " " + section.suffix : message, names, execution)},
         {"data", std::move(data)},
         {"execution_id", execution["id"]},
         {"status", end},
         {"start_timestamp", offset_form(execution["start_timestamp"])},
         {"end_timestamp", offset_form(execution["end_timestamp"])},
         {"action_ref", action},
         {"runner_ref", execution["runner"]["name"]}});
    for (const Value& route : routes.as_list()) {
      payload.set("route", route);
      payload.set("channel", route);
      payloads.push_back(payload);
    }
  }
  return payloads;
}

Value task_notify(const Value& own, const Value& of_workflow) {
  return own.is_dict() && !own.empty() ? own : of_workflow;
}

}  // namespace squall::engine
