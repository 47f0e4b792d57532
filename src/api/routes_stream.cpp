// The stream of events (stackstorm-features.md Q-2): server-sent events with StackStorm's names. A client that comes
// back with Last-Event-ID gets what it missed, and one that waits for the end of an execution that is over already gets
// that end at once.
#include <algorithm>

#include "api/api.hpp"
#include "api/listing.hpp"
#include "api/resources.hpp"
#include "base/strings.hpp"
#include "model/execution.hpp"
#include "text/wildcard.hpp"
#include "value/json.hpp"
#include "value/json_form.hpp"

namespace squall::api {
namespace {

using auth::Permission;

constexpr Duration kHeartbeat = std::chrono::seconds(25);
constexpr std::string_view kDefaultEvents = "st2.announcement__*,st2.execution__*,st2.liveaction__*";

std::vector<std::string> names_of(std::string_view list) {
  std::vector<std::string> names;
  for (const std::string& part : split(list, ',')) {
    if (!trim(part).empty()) names.emplace_back(trim(part));
  }
  return names;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// One client that listens.
class Subscription : public std::enable_shared_from_this<Subscription> {
 public:
  Subscription(engine::Engine& engine, const Call& call)
      : engine_(engine),
        events_(names_of(call.query("events").empty() ? std::string(kDefaultEvents) : call.query("events"))),
        action_refs_(names_of(call.query("action_refs"))),
        execution_ids_(names_of(call.query("execution_ids"))),
        end_event_(call.query("end_event")),
        end_execution_(call.query("end_execution_id")),
        only_own_(call.only_own()) {}

  // The answer that is one stream of output: of one execution, and "EOF" at its end.
  void follow_output(const std::string& execution) {
    events_ = {"st2.execution.output__create", "st2.execution__update"};
    execution_ids_ = {execution};
    end_event_ = "st2.execution__update";
    end_execution_ = execution;
    output_only_ = true;
  }

  void start(const Call& call, uint64_t after, const Value& finished) {
    net::ServerResponse head;
    head.content_type = "text/event-stream; charset=UTF-8";
    head.headers.set("Cache-Control", "no-cache");
    stream_ = call.responder->start_stream(std::move(head));
    if (!stream_ || !stream_->write("\n")) return;
    listener_ =
        engine_.events().listen([self = shared_from_this()](const engine::HubEvent& event) { self->tell(event); });
    stream_->on_closed([self = shared_from_this()] { self->close(); });
    beat();
    if (after > 0) {
      for (const engine::HubEvent& event : engine_.events().since(after)) tell(event);
    }
    if (!finished.is_null() && !closed_) tell_end(finished);
    if (finished.is_null() && output_only_ && !closed_) tell_output_so_far();
  }

 private:
  bool wants(const engine::HubEvent& event) const {
    const bool named = std::any_of(events_.begin(), events_.end(),
                                   [&](const std::string& pattern) { return wildcard_match(pattern, event.name); });
    // Of an isolated user's events those of others are none. The output of one execution is asked for by name, and that
    // execution's permission was.
    const bool about_execution = event.name.starts_with("st2.execution") || event.name.starts_with("st2.liveaction");
    const bool hidden =
        only_own_ && !output_only_ && about_execution && event.data["context"]["user"].string_or("") != *only_own_;
    return named && !hidden && (action_refs_.empty() || has(action_refs_, event.action_ref)) &&
           (execution_ids_.empty() || has(execution_ids_, event.execution_id));
  }

  void tell(const engine::HubEvent& event) {
    if (closed_) return;
    const bool output = event.name == "st2.execution.output__create";
    if (wants(event) && (!output_only_ || output)) send(event.name, event.data, event.number);
    const bool ends = !end_execution_.empty() && event.execution_id == end_execution_ && !output &&
                      (end_event_.empty() || event.name == end_event_) &&
                      model::is_final(event.data["status"].string_or(""));
    if (ends) finish();
  }

  // The lines that were printed before this client came.
  void tell_output_so_far() {
    const Value* execution = engine_.executions().live(end_execution_);
    if (execution == nullptr) return;
    for (const char* type : {"stdout", "stderr"}) {
      std::string_view text = engine_.events().printed(end_execution_, type);
      text = text.substr(0, text.rfind('\n') + 1);
      if (!text.empty()) send_output(*execution, type, valid_text(text), format_timestamp(Clock::system().now()));
    }
  }

  void send_output(const Value& execution, std::string_view type, std::string text, const Value& timestamp) {
    send("st2.execution.output__create",
         Value::dict({{"execution_id", execution["id"]},
                      {"action_ref", execution["action"]["ref"]},
                      {"runner_ref", execution["runner"]["name"]},
                      {"timestamp", timestamp},
                      {"output_type", type},
                      {"data", std::move(text)}}),
         0);
  }

  // The end of an execution that was over before this client came.
  void tell_end(const Value& execution) {
    const Value shown = model::public_execution(execution);
    if (output_only_) {
      for (const char* type : {"stdout", "stderr"}) {
        const Value& text = execution["result"][type];
        if (!text.truthy()) continue;
        send_output(execution, type, (text.is_string() ? text.string() : to_json(text)) + "\n",
                    execution["end_timestamp"]);
      }
    } else {
      send(end_event_.empty() ? "st2.execution__update" : end_event_, shown, 0);
    }
    finish();
  }

  void send(const std::string& name, const Value& data, uint64_t number) {
    std::string frame = "event: " + name + "\n";
    if (number > 0) frame += "id: " + std::to_string(number) + "\n";
    frame += "data: " + to_json(data) + "\n\n";
    if (!stream_->write(std::move(frame))) close();
  }

  void finish() {
    if (output_only_ && !closed_) stream_->write("event: EOF\ndata: ''\n\n");
    if (stream_) stream_->close();
    close();
  }

  void beat() {
    timer_ = engine_.executor().post_after(kHeartbeat, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self || self->closed_) return;
      if (!self->stream_->write("\n")) return self->close();
      self->beat();
    });
  }

  void close() {
    if (std::exchange(closed_, true)) return;
    engine_.executor().cancel(timer_);
    // Not from within the hub's own call to us.
    engine_.executor().post([&engine = engine_, listener = listener_] { engine.events().drop(listener); });
  }

  engine::Engine& engine_;
  std::vector<std::string> events_, action_refs_, execution_ids_;
  std::string end_event_, end_execution_;
  std::optional<std::string> only_own_;
  bool output_only_ = false;
  std::shared_ptr<net::ResponseStream> stream_;
  uint64_t listener_ = 0;
  Executor::TimerId timer_ = 0;
  bool closed_ = false;
};

// The execution when it is over; null while it is not, or unknown.
Value finished_execution(engine::Engine& engine, const std::string& id) {
  if (id.empty() || engine.executions().live(id) != nullptr) return {};
  const auto found = engine.store().find(store::Collection::kExecutions, id);
  return found && model::is_final((*found)["status"].string_or("")) ? *found : Value();
}

void stream(engine::Engine& engine, const Call& call) {
  const std::string header(call.request.headers.get("Last-Event-ID"));
  const std::string last = header.empty() ? call.query("last_event_id") : header;
  Value finished = finished_execution(engine, call.query("end_execution_id"));
  const auto only = call.only_own();
  if (only && finished["context"]["user"].string_or("") != *only) finished = Value();
  const auto subscription = std::make_shared<Subscription>(engine, call);
  subscription->start(call, static_cast<uint64_t>(std::max<int64_t>(0, parse_int(last).value_or(0))), finished);
}

void output_stream(engine::Engine& engine, const Call& call) {
  const std::string id = call.parameter("id");
  const Value finished = finished_execution(engine, id);
  if (finished.is_null() && engine.executions().live(id) == nullptr) return call.fail(unknown_id(id));
  const auto subscription = std::make_shared<Subscription>(engine, call);
  subscription->follow_output(id);
  subscription->start(call, 0, finished);
}

}  // namespace

void add_stream_routes(Router& router, engine::Engine& engine) {
  for (const std::string prefix : {"", "/stream/v1", "/stream"}) {
    router.add("GET", prefix + "/stream", RouteAccess::needs(Permission::kStreamView),
               RouteDoc("Events as they happen")
                   .query("events")
                   .query("action_refs")
                   .query("execution_ids")
                   .query("end_event")
                   .query("end_execution_id")
                   .query("last_event_id", "integer")
                   .answers(200, "text/event-stream"),
               [&engine](const Call& call) { stream(engine, call); });
  }
  for (const std::string prefix : {"/stream/v1", "/stream"}) {
    router.add("GET", prefix + "/executions/{id}/output",
               RouteAccess::needs(Permission::kExecutionView, named_execution(engine)),
               RouteDoc("The output of an action as it is printed").answers(200, "text/event-stream"),
               [&engine](const Call& call) { output_stream(engine, call); });
  }
}

}  // namespace squall::api
