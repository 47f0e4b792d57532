// Events: webhooks, trigger instances, rule enforcements, and why rules did or did not match.
#include <algorithm>
#include <optional>

#include "api/api.hpp"
#include "api/listing.hpp"
#include "api/request_body.hpp"
#include "api/resources.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "engine/key_values.hpp"
#include "model/execution.hpp"
#include "sensors/timer_schedule.hpp"
#include "value/json_form.hpp"
#include "value/python.hpp"

namespace squall::api {
namespace {

using auth::Permission;
using store::Collection;
using store::Compare;

constexpr std::string_view kAlways[] = {"id"};
constexpr std::string_view kInstanceAttributes[] = {"id", "trigger", "payload", "occurrence_time", "status"};
constexpr std::string_view kEnforcementAttributes[] = {"id",           "uid",         "rule",   "trigger_instance_id",
                                                       "execution_id", "enforced_at", "status", "failure_reason"};
constexpr StoredFilter kInstanceFilters[] = {{"trigger", "trigger"},
                                             {"status", "status"},
                                             {"timestamp_gt", "occurrence_time", Compare::kGreater, true},
                                             {"timestamp_lt", "occurrence_time", Compare::kLess, true}};
constexpr StoredFilter kEnforcementFilters[] = {{"rule_ref", "rule"},
                                                {"rule_id", "rule_id"},
                                                {"trigger_instance", "trigger_instance"},
                                                {"execution", "execution"},
                                                {"status", "status"},
                                                {"enforced_at_gt", "enforced_at", Compare::kGreater, true},
                                                {"enforced_at_lt", "enforced_at", Compare::kLess, true}};
// Credentials of the sender never become part of an event (G-11).
constexpr std::string_view kHiddenHeaders[] = {"x-auth-token", "st2-api-key", "authorization", "cookie"};

// For the OpenAPI document; a trigger is named, or described by its type and parameters.
constexpr std::string_view kInjectionModel = R"yaml(
trigger: {type: [string, object], required: true}
payload: {type: object}
)yaml";

Value shown_instance(const Value& document) {
  Value shown = document;
  shown.mut_dict().erase(model::kTrace);
  return shown;
}

ListSpec instance_spec() {
  ListSpec spec;
  spec.attributes = kInstanceAttributes;
  spec.always = kAlways;
  spec.view = shown_instance;
  return spec;
}

ListSpec enforcement_spec() {
  ListSpec spec;
  spec.attributes = kEnforcementAttributes;
  spec.always = kAlways;
  spec.default_limit = 50;
  return spec;
}

// `secret` is the name of one more header that is hidden.
Value header_document(const net::Headers& headers, bool lower, std::string_view secret) {
  Value shown = Value::empty_dict();
  for (const auto& [name, value] : headers) {
    const std::string key = to_lower(name);
    if (std::find(std::begin(kHiddenHeaders), std::end(kHiddenHeaders), key) != std::end(kHiddenHeaders)) continue;
    if (!secret.empty() && key == secret) continue;
    // Header values are bytes of any kind; the payload is text.
    shown.set(lower ? key : name, valid_text(value));
  }
  return shown;
}

// Form fields become lists of values, as StackStorm has them.
Value form_document(std::string_view body) {
  Value form = Value::empty_dict();
  for (const auto& [key, value] : net::parse_query(body)) form.mut_dict()[valid_text(key)].push_back(valid_text(value));
  return form;
}

// The fields of a form with parts ("multipart/form-data"), files as their text.
Result<Value> multipart_document(std::string_view type, const net::ServerRequest& request) {
  const std::string_view header = request.headers.get("Content-Type");
  const size_t at = type.find("boundary=");
  if (at == std::string_view::npos) {
    return fail(ErrorCode::kInvalid, "Failed to parse request body: the Content-Type names no boundary");
  }
  std::string_view boundary = header.substr(at + std::string_view("boundary=").size());
  boundary = trim(boundary.substr(0, boundary.find(';')));
  if (boundary.size() > 1 && boundary.starts_with("\"")) boundary = boundary.substr(1, boundary.size() - 2);
  const std::string mark = "--" + std::string(boundary);
  Value form = Value::empty_dict();
  std::string_view rest = request.body;
  for (size_t start = rest.find(mark); start != std::string_view::npos;) {
    rest.remove_prefix(start + mark.size());
    start = rest.find(mark);
    if (rest.starts_with("--") || start == std::string_view::npos) break;
    const std::string_view part = rest.substr(0, start);
    const size_t blank = part.find("\r\n\r\n"), named = part.find("name=\"");
    if (blank == std::string_view::npos || named == std::string_view::npos || named > blank) continue;
    const std::string_view name = part.substr(named + 6, part.find('"', named + 6) - named - 6);
    std::string_view value = part.substr(blank + 4);
    if (value.ends_with("\r\n")) value.remove_suffix(2);
    form.mut_dict()[valid_text(name)].push_back(valid_text(value));
  }
  return form;
}

Result<Value> webhook_body(const Call& call) {
  const std::string type = to_lower(call.request.headers.get("Content-Type"));
  const std::string_view media = trim(std::string_view(type).substr(0, type.find(';')));
  if (media == "application/x-www-form-urlencoded") return form_document(call.request.body);
  if (media.empty() || media == "application/json" || media == "text/json") return call.body();
  if (media == "text/plain") return Value(valid_text(call.request.body));
  if (media == "multipart/form-data") return multipart_document(type, call.request);
  return fail(ErrorCode::kInvalid,
              "Failed to parse request body: Unsupported Content-Type: \"" + std::string(media) + "\"");
}

std::vector<Value> webhook_triggers(engine::Engine& engine, const std::string& url) {
  std::vector<Value> found;
  for (const Value& trigger : engine.catalog().triggers_of_type("core.st2.webhook")) {
    std::string own = trigger["parameters"]["url"].string();
    while (own.starts_with("/")) own.erase(0, 1);
    while (own.ends_with("/")) own.pop_back();
    if (url.empty() || own == url) found.push_back(trigger);
  }
  return found;
}

std::string trace_tag(const Call& call, const std::string& hook) {
  const std::string given(call.request.headers.get("St2-Trace-Tag"));
  return given.empty() ? "webhook-" + hook + "-" + Random::system().hex(32) : given;
}

void generic_webhook(engine::Engine& engine, const Call& call) {
  const auto body = call.body();
  if (!body) return call.fail(body.error());
  if (!body->is_dict()) {
    return call.fail(
        Error(ErrorCode::kInvalid, "Webhook body needs to be an object, got: " + std::string(body->json_type_name())));
  }
  const Value& named = (*body)["trigger"];
  std::string trigger = named.string();
  if (named.is_dict()) {
    // By type and parameters. One that no rule uses does not exist, so nothing can follow.
    const std::string type = named["type"].string();
    const Value* found = engine.catalog().trigger_with(type, named["parameters"]);
    if (found == nullptr && engine.catalog().find(Collection::kTriggerTypes, type) != nullptr)
      return call.reply(202, *body);
    trigger = found != nullptr ? (*found)["ref"].string() : type;
  }
  if (trigger.empty()) return call.fail(Error(ErrorCode::kInvalid, "Trigger not specified."));
  engine.inject({trigger, (*body)["payload"], trace_tag(call, "st2")},
                [call, echo = *body](const Result<Value>& instance) {
                  if (!instance) return call.fail(instance.error());
                  call.reply(202, echo);
                });
}

const auth::SignedWebhook* signed_webhook(const auth::SignedWebhooks& hooks, const Call& call) {
  const auto found = hooks.find(call.parameter("url"));
  return found == hooks.end() ? nullptr : &found->second;
}

// The secret is read at each call, so that a new one counts at once.
std::string webhook_secret(engine::Engine& engine, const auth::SignedWebhook& hook) {
  const auto pair = engine.datastore().find(std::string(engine::kSystemScope), hook.secret_key);
  if (!pair || pair->is_null()) {
    log_warning("a webhook is refused: the datastore has no such key for its secret", {{"key", hook.secret_key}});
    return {};
  }
  const std::string value = (*pair)["value"].string();
  if (!(*pair)["encrypted"].bool_or(false)) return value;
  const auto plain =
      engine.datastore_key() != nullptr ? engine.datastore_key()->decrypt(value) : Result<std::string>(std::string());
  if (!plain || plain->empty())
    log_warning("a webhook is refused: its secret cannot be decrypted", {{"key", hook.secret_key}});
  return plain ? *plain : std::string();
}

RouteAccess::Signature signature_check(engine::Engine& engine, const ApiOptions& options) {
  return [&engine, &options](const Call& call) -> std::optional<Status> {
    const auth::SignedWebhook* hook = signed_webhook(options.webhooks, call);
    if (hook == nullptr) return std::nullopt;
    const std::string secret = webhook_secret(engine, *hook);
    add_log_secret(secret);
    return auth::verify_webhook(hook->scheme, secret, call.request.headers, call.request.body, Clock::system().now(),
                                hook->tolerance);
  };
}

void webhook(engine::Engine& engine, const ApiOptions& options, const Call& call) {
  const std::string& url = call.parameter("url");
  const auto body = webhook_body(call);
  if (!body) return call.fail(body.error());
  const auth::SignedWebhook* hook = signed_webhook(options.webhooks, call);
  // Slack sends events to a URL only after it has had this back.
  if (hook != nullptr && hook->scheme == auth::WebhookScheme::kSlack && body->is_dict() &&
      (*body)["type"] == Value("url_verification")) {
    return call.reply(200, Value::dict({{"challenge", (*body)["challenge"]}}));
  }
  const std::string_view secret = hook != nullptr ? auth::secret_header(hook->scheme) : std::string_view();
  const auto triggers = webhook_triggers(engine, url);
  if (triggers.empty()) {
    return call.fail(Error(ErrorCode::kNotFound, "Webhook " + url + " not registered with st2"));
  }
  if (!body->is_dict() && !body->is_list()) {
    return call.fail(Error(ErrorCode::kInvalid, python::repr(*body) + " is not of type 'object', 'array'"));
  }
  const Value payload = Value::dict({{"headers", header_document(call.request.headers, false, secret)},
                                     {"headers_lower", header_document(call.request.headers, true, secret)},
                                     {"body", *body}});
  const std::string tag = trace_tag(call, url);
  // Several triggers may share a URL; the answer waits for all of them.
  auto left = std::make_shared<size_t>(triggers.size());
  auto error = std::make_shared<std::optional<Error>>();
  for (const Value& trigger : triggers) {
    engine.inject({trigger["ref"].string(), payload, tag},
                  [call, left, error, echo = *body](const Result<Value>& instance) {
                    if (!instance && !*error) *error = instance.error();
                    if (--*left > 0) return;
                    if (*error) return call.fail(**error);
                    call.reply(202, echo);
                  });
  }
}

void emit_again(engine::Engine& engine, const Call& call) {
  const auto instance = find_record(engine, Collection::kTriggerInstances, call.parameter("id"));
  if (!instance) return call.fail(instance.error());
  Value payload = (*instance)["payload"].is_dict() ? (*instance)["payload"] : Value::empty_dict();
  payload.set("__context", Value::dict({{"original_id", (*instance)["id"]}}));
  engine.inject({(*instance)["trigger"].string(), payload, ""}, [call, payload](const Result<Value>& again) {
    if (!again) return call.fail(again.error());
    call.reply(200, Value::dict({{"message", "Trigger instance " + call.parameter("id") + " successfully re-sent."},
                                 {"payload", payload}}));
  });
}

void enforcement_view(engine::Engine& engine, const Call& call) {
  auto document = find_record(engine, Collection::kEnforcements, call.parameter("id"));
  if (!document) return call.fail(document.error());
  if (const auto execution = find_record(engine, Collection::kExecutions, (*document)["execution_id"].string());
      execution && call.may(Permission::kExecutionView, resource_of_execution(*execution))) {
    document->set("execution", model::public_execution(*execution));
  }
  if (const auto instance =
          find_record(engine, Collection::kTriggerInstances, (*document)["trigger_instance_id"].string());
      instance) {
    document->set("trigger_instance", shown_instance(*instance));
  }
  call.reply(200, *document);
}

void add_one(Router& router, engine::Engine& engine, const std::string& path, const RouteAccess& access,
             Collection collection, const char* summary, ListSpec (*spec)()) {
  router.add("GET", path + "/{id}", access, summary, [&engine, collection, spec](const Call& call) {
    const auto document = find_record(engine, collection, call.parameter("id"));
    if (!document) return call.fail(document.error());
    call.reply(200, spec().view(*document));
  });
}

// Timers are triggers of these types, each with its parameters (G-13).
constexpr std::string_view kTimerTypes[] = {sensors::kIntervalTimer, sensors::kDateTimer, sensors::kCronTimer};

void list_timers(engine::Engine& engine, const Call& call) {
  const std::string wanted = call.query("timer_type");
  std::vector<Value> timers;
  bool known = wanted.empty();
  for (const std::string_view type : kTimerTypes) {
    if (!wanted.empty() && wanted != type) continue;
    known = true;
    for (Value& trigger : engine.catalog().triggers_of_type(type)) timers.push_back(std::move(trigger));
  }
  if (!known) {
    return call.fail(Error(ErrorCode::kInvalid, "Timer type " + wanted +
                                                    " not in supported types - dict_keys(['core.st2.IntervalTimer', "
                                                    "'core.st2.DateTimer', 'core.st2.CronTimer'])."));
  }
  call.reply(200, Value(List(timers.begin(), timers.end())));
}

ResourceOf named_timer(engine::Engine& engine) {
  return [&engine](const Call& call) -> Result<auth::Resource> {
    const Value* trigger = engine.catalog().find(Collection::kTriggers, call.parameter("ref"));
    if (trigger == nullptr) return fail(not_found(call.parameter("ref")));
    return auth::pack_resource("timer", (*trigger)["pack"].string_or(""), (*trigger)["name"].string_or(""));
  };
}

void one_timer(engine::Engine& engine, const Call& call) {
  const std::string& ref = call.parameter("ref");
  const Value* trigger = engine.catalog().find(Collection::kTriggers, ref);
  const auto is_timer = [](const Value& document) {
    return std::find(std::begin(kTimerTypes), std::end(kTimerTypes), document["type"].string_or("")) !=
           std::end(kTimerTypes);
  };
  if (trigger == nullptr || !is_timer(*trigger)) return call.fail(not_found(ref));
  call.reply(200, *trigger);
}

}  // namespace

void add_event_routes(Router& router, engine::Engine& engine, const ApiOptions& options) {
  router.add(
      "POST", "/webhooks/st2",
      RouteAccess::needs(Permission::kWebhookSend,
                         [](const Call&) { return Result<auth::Resource>(auth::plain_resource("webhook:st2")); }),
      RouteDoc("Inject a trigger").body(model_of(kInjectionModel, true)).answers(202),
      [&engine](const Call& call) { generic_webhook(engine, call); });
  router.add(
      "POST", "/webhooks/{url*}",
      RouteAccess::needs(Permission::kWebhookSend, named_webhook()).unless_signed(signature_check(engine, options)),
      RouteDoc("Receive a webhook").body(Value::dict({{"type", Value::list({"object", "array"})}})).answers(202),
      [&engine, &options](const Call& call) { webhook(engine, options, call); });
  router.add("GET", "/webhooks", RouteAccess::needs(Permission::kWebhookList), "List webhooks",
             [&engine](const Call& call) {
               const auto triggers = webhook_triggers(engine, "");
               call.reply(200, Value(List(triggers.begin(), triggers.end())));
             });
  router.add("GET", "/webhooks/{url*}", RouteAccess::needs(Permission::kWebhookView, named_webhook()), "One webhook",
             [&engine](const Call& call) {
               const auto triggers = webhook_triggers(engine, call.parameter("url"));
               if (triggers.empty())
                 return call.fail(
                     Error(ErrorCode::kNotFound, "Webhook " + call.parameter("url") + " not registered with st2"));
               call.reply(200, triggers.front());
             });
  router.add("GET", "/timers", RouteAccess::needs(Permission::kTimerList), RouteDoc("List timers").query("timer_type"),
             [&engine](const Call& call) { list_timers(engine, call); });
  router.add("GET", "/timers/{ref}", RouteAccess::needs(Permission::kTimerView, named_timer(engine)), "One timer",
             [&engine](const Call& call) { one_timer(engine, call); });
  router.add("GET", "/triggerinstances", RouteAccess::needs(Permission::kTriggerList),
             RouteDoc("List trigger instances").page().filters(kInstanceFilters), [&engine](const Call& call) {
               reply_stored_list(call, engine.store(), Collection::kTriggerInstances, kInstanceFilters,
                                 "-occurrence_time", instance_spec());
             });
  router.add("GET", "/triggerinstances/{id}/explain",
             RouteAccess::needs(Permission::kTriggerView, named_trigger_instance(engine)),
             "Why each rule did or did not match", [&engine](const Call& call) {
               const auto instance = find_record(engine, Collection::kTriggerInstances, call.parameter("id"));
               if (!instance) return call.fail(instance.error());
               call.reply(200, engine.explain(*instance));
             });
  router.add("POST", "/triggerinstances/{id}/re_emit",
             RouteAccess::needs(Permission::kTriggerAll, named_trigger_instance(engine)),
             "Dispatch a trigger instance again", [&engine](const Call& call) { emit_again(engine, call); });
  add_one(router, engine, "/triggerinstances",
          RouteAccess::needs(Permission::kTriggerView, named_trigger_instance(engine)), Collection::kTriggerInstances,
          "One trigger instance", instance_spec);
  for (const char* path : {"/ruleenforcements", "/ruleenforcements/views"}) {
    router.add("GET", path, RouteAccess::needs(Permission::kRuleEnforcementList),
               RouteDoc("List rule enforcements").page().filters(kEnforcementFilters), [&engine](const Call& call) {
                 reply_stored_list(call, engine.store(), Collection::kEnforcements, kEnforcementFilters, "-enforced_at",
                                   enforcement_spec());
               });
  }
  router.add("GET", "/ruleenforcements/views/{id}",
             RouteAccess::needs(Permission::kRuleEnforcementView, named_enforcement(engine)),
             "A rule enforcement with its execution and trigger instance",
             [&engine](const Call& call) { enforcement_view(engine, call); });
  add_one(router, engine, "/ruleenforcements",
          RouteAccess::needs(Permission::kRuleEnforcementView, named_enforcement(engine)), Collection::kEnforcements,
          "One rule enforcement", enforcement_spec);
}

}  // namespace squall::api
