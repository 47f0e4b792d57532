#include "engine/event_hub.hpp"

#include <algorithm>

#include "base/ids.hpp"
#include "base/strings.hpp"
#include "model/execution.hpp"
#include "value/json.hpp"
#include "value/json_form.hpp"

namespace squall::engine {
namespace {

namespace status = model::status;
using store::Collection;

// Events remembered for clients that come back, and for how long after the last one went.
constexpr size_t kRecentMax = 2048;
constexpr Duration kRememberFor = std::chrono::minutes(2);

// The document as it was after `entries` entries of its log: several steps may have become durable at once.
Value at_step(const Value& document, size_t entries) {
  if (entries >= document["log"].size()) return document;
  Value earlier = model::at_step(document, entries);
  for (const char* later : {"end_timestamp", "elapsed_seconds", "result", "result_size", "children"})
    earlier.mut_dict().erase(later);
  if (earlier["status"].string_or("") != status::kRunning)
    earlier.mut_dict()["liveaction"].set("runner_info", Value::empty_dict());
  return earlier;
}

// The live action of an execution, as StackStorm keeps it in a table of its own.
Value live_action(const Value& execution) {
  const Value& own = execution["liveaction"];
  Value live = Value::dict({{"status", execution["status"]}, {"start_timestamp", execution["start_timestamp"]}});
  if (execution["end_timestamp"].is_string()) live.set("end_timestamp", execution["end_timestamp"]);
  for (const char* name : {"action", "action_is_workflow", "parameters"}) live.set(name, own[name]);
  live.set("context", execution["context"]);
  for (const char* name : {"callback", "runner_info", "notify", "id"}) {
    if (!own[name].is_null()) live.set(name, own[name]);
  }
  live.set("result", execution["result"].is_null() ? std::string("{}") : to_json(execution["result"]));
  return live;
}

}  // namespace

uint64_t EventHub::listen(Listener listener) {
  if (!active()) listening_since_ = clock_.now();
  deserted_.reset();
  listeners_[++last_listener_] = std::move(listener);
  return last_listener_;
}

void EventHub::drop(uint64_t listener) {
  listeners_.erase(listener);
  if (listeners_.empty()) deserted_ = clock_.now();
}

// Of one piece of output so many lines are events of their own. Further ones are told in blocks: who prints thousands
// of lines at once must not hold up everybody else.
static constexpr int kLinesAlone = 32;
static constexpr size_t kBlockBytes = 16u << 10;

bool EventHub::active() const { return !listeners_.empty() || (deserted_ && clock_.now() - *deserted_ < kRememberFor); }

void EventHub::emit(HubEvent event) {
  event.number = ++last_number_;
  recent_.push_back(event);
  if (recent_.size() > kRecentMax) recent_.pop_front();
  std::vector<uint64_t> ids;
  for (const auto& [id, listener] : listeners_) ids.push_back(id);
  for (const uint64_t id : ids) {
    if (const auto found = listeners_.find(id); found != listeners_.end()) {
      const Listener listener = found->second;  // it may drop itself
      listener(event);
    }
  }
}

void EventHub::on_committed(Collection collection, const std::string& id, const Value& document, bool erased) {
  if (collection == Collection::kAliases && active()) {
    emit({0, erased ? "st2.actionalias__delete" : "st2.actionalias__update", "", "",
          erased ? Value::dict({{"id", id}}) : document});
  }
  if (collection != Collection::kExecutions) return;
  const bool is_over = erased || model::is_final(document["status"].string_or(""));
  if (!active()) {
    told_.clear();
    recent_.clear();
  } else if (!erased) {
    tell_execution(document);
  }
  if (is_over) printed_.erase(id);
}

void EventHub::tell_execution(const Value& document) {
  const std::string id = document["id"].string();
  const size_t entries = document["log"].size();
  auto known = told_.find(id);
  if (known == told_.end()) {
    // Of one that began before anybody listened only the latest step is news.
    const auto start = parse_timestamp(document["start_timestamp"].string_or(""));
    const bool is_new = start && *start >= listening_since_;
    known = told_.emplace(id, is_new || entries == 0 ? 0 : entries - 1).first;
  }
  const size_t from = known->second;
  known->second = entries;
  if (from == entries) {
    tell_step(document, entries);  // no new state: what it waits for, or its children, changed
  } else {
    for (size_t step = from + 1; step <= entries; ++step) tell_step(document, step);
  }
  if (model::is_final(document["status"].string_or(""))) told_.erase(id);
}

void EventHub::tell_step(const Value& document, size_t entries) {
  const Value shown = at_step(document, entries);
  if (model::is_final(shown["status"].string_or(""))) tell_output_of_result(document);
  const std::string action = document["action"]["ref"].string();
  const char* verb = entries == 1 ? "create" : "update";
  emit({0, std::string("st2.liveaction__") + verb, "", action, live_action(shown)});
  emit({0, std::string("st2.execution__") + verb, document["id"].string(), action, model::public_execution(shown)});
}

// The lines that were still open; of actions whose runner tells nothing while they run, all of them.
void EventHub::tell_output_of_result(const Value& document) {
  if (const auto found = printed_.find(document["id"].string_or("")); found != printed_.end()) {
    const auto& streams = found->second;
    if (std::any_of(streams.begin(), streams.end(), [](const auto& stream) { return stream.second.told; })) {
      for (const auto& [type, stream] : streams)
        if (!stream.open.empty()) tell_line(document, type, stream.open);
      return;
    }
  }
  for (const char* type : {"stdout", "stderr"}) {
    const Value& text = document["result"][type];
    if (!text.truthy()) continue;
    for (const std::string& line : split(text.is_string() ? text.string() : to_json(text), '\n'))
      tell_line(document, type, line + "\n");
  }
}

void EventHub::publish(std::string name, Value data) {
  if (active()) emit({0, std::move(name), "", "", std::move(data)});
}

void EventHub::publish_output(const Value& execution, std::string_view type, std::string_view text) {
  Printed& stream = printed_[execution["id"].string()][std::string(type)];
  stream.text += text.substr(0, kPrintedKept - std::min(kPrintedKept, stream.text.size()));
  std::string& open = stream.open;
  size_t searched = open.size(), told = 0;  // no line ends before `searched`
  open += text;
  if (!active()) {
    open.erase(0, open.rfind('\n') + 1);  // nothing where there is none: npos + 1 is 0
    return;
  }
  int lines = 0;
  for (size_t end = open.find('\n', searched); end != std::string::npos; end = open.find('\n', searched)) {
    if (++lines > kLinesAlone) {
      const size_t block_end = open.rfind('\n', told + kBlockBytes - 1);
      if (block_end != std::string::npos && block_end > end) end = block_end;
    }
    tell_line(execution, type, std::string_view(open).substr(told, end + 1 - told));
    told = searched = end + 1;
  }
  open.erase(0, told);
  stream.told = true;
}

std::string_view EventHub::printed(std::string_view execution, std::string_view type) const {
  const auto found = printed_.find(execution);
  if (found == printed_.end()) return {};
  const auto stream = found->second.find(type);
  return stream == found->second.end() ? std::string_view() : stream->second.text;
}

void EventHub::tell_line(const Value& execution, std::string_view type, std::string_view line) {
  const std::string id = execution["id"].string(), action = execution["action"]["ref"].string();
  emit({0, "st2.execution.output__create", id, action,
        Value::dict({{"execution_id", id},
                     {"action_ref", action},
                     {"runner_ref", execution["runner"]["name"]},
                     {"timestamp", format_timestamp(clock_.now())},
                     {"output_type", type},
                     {"data", valid_text(line)},
                     {"id", new_object_id(clock_)}})});
}

std::vector<HubEvent> EventHub::since(uint64_t number) const {
  std::vector<HubEvent> events;
  for (const HubEvent& event : recent_) {
    if (event.number > number) events.push_back(event);
  }
  return events;
}

}  // namespace squall::engine
