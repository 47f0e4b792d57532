// Going on from a stored state, ours or Orquesta's own.
#include <algorithm>

#include "workflow/orquesta/conductor.hpp"

namespace squall::workflow::orquesta {

namespace {

tl::unexpected<Error> bad_state(const std::string& what) {
  return fail(ErrorCode::kInvalid, "stored state of an Orquesta workflow: " + what);
}

ContextList context_list(const Value& numbers) {
  std::vector<uint32_t> list;
  if (numbers.is_list()) {
    for (const Value& number : numbers.as_list()) list.push_back(static_cast<uint32_t>(number.int_or(0)));
  }
  return ContextList::of(list);
}

std::optional<RetryState> retry_state(const Value& retry) {
  if (!retry.is_dict()) return std::nullopt;
  return RetryState{retry["when"], retry["count"], retry["delay"], retry["tally"].int_or(0)};
}

const List& list_of(const Value& value) {
  static const List kNone;
  return value.is_list() ? value.as_list() : kNone;
}

}  // namespace

::squall::Status Conductor::restore(const Value& document) {
  const Value& state = document["state"];
  const auto status = status_of(state["status"].string_or(""));
  if (!status) return bad_state("\"state.status\" is no status");
  // Everything is looked at before anything changes: a state that is refused leaves the run as it was.
  for (const char* part : {"sequence", "staged"}) {
    for (const Value& entry : list_of(state[part])) SQ_CHECK(restored_place(entry));
  }
  begun_ = restored_ = true;
  inputs_ = document["input"].is_dict() ? document["input"] : Value::empty_dict();
  parent_ = document["context"].is_dict() ? document["context"] : Value::empty_dict();
  for (const Value& context : list_of(state["contexts"])) contexts_.add(context);
  for (const Value& route : list_of(state["routes"])) {
    std::vector<std::string>& steps = routes_.emplace_back();
    for (const Value& step : list_of(route)) steps.push_back(step.string());
  }
  for (const Value& entry : list_of(state["sequence"])) restore_entry(entry);
  for (const Value& staged : list_of(state["staged"])) restore_staged(staged);
  for (const Value& error : list_of(document["errors"])) add_error(error);
  log_ = list_of(document["log"]);
  reruns_ = list_of(state["reruns"]);
  output_ = document["output"];
  status_ = *status;
  finish_told_ = in_group(status_, kCompleted);
  errors_told_ = errors_.size();
  output_told_ = output_;
  return {};
}

Result<Place> Conductor::restored_place(const Value& document) const {
  const auto node = graph().find(document["id"].string_or(""));
  if (!node) return bad_state("the workflow has no task \"" + document["id"].string() + "\"");
  const int64_t route = document["route"].int_or(0);
  if (route < 0) return bad_state("a route is negative");
  return Place{*node, static_cast<uint32_t>(route)};
}

// {"task1__t0": 3}: the edge from task1 that leads to this place, and the entry that it came from.
Prev Conductor::restored_prev(Place place, const Value& document) const {
  Prev prev;
  for (const uint32_t edge : node_of(place).in) {
    const Value& entry = document[graph().edge(edge).back];
    const auto index = static_cast<size_t>(entry.int_or(-1));
    if (entry.is_int() && index < entries_.size()) prev.emplace_back(edge, static_cast<uint32_t>(index));
  }
  return prev;
}

void Conductor::restore_entry(const Value& document) {
  Staged staged;
  staged.place = *restored_place(document);
  staged.in = context_list(document["ctxs"]["in"]);
  staged.prev = restored_prev(staged.place, document["prev"]);
  Entry& entry = add_entry(staged);
  const auto edge_of = [&](const std::string& id) -> std::optional<uint32_t> {
    for (const uint32_t edge : node_of(staged.place).out) {
      if (graph().edge(edge).id == id) return edge;
    }
    return std::nullopt;
  };
  if (document["next"].is_dict()) {
    for (const auto& [id, met] : document["next"].as_dict()) {
      if (const auto edge = edge_of(id)) set_next(entry, *edge, met.truthy());
    }
  }
  if (document["ctxs"]["out"].is_dict()) {
    for (const auto& [id, number] : document["ctxs"]["out"].as_dict()) {
      if (const auto edge = edge_of(id)) entry.out = std::pair(*edge, static_cast<uint32_t>(number.int_or(0)));
    }
  }
  entry.retry = retry_state(document["retry"]);
  entry.term = document["term"].truthy();
  if (const auto status = status_of(document["status"].string_or(""))) set_entry_status(entry, *status);
}

void Conductor::restore_staged(const Value& document) {
  Staged staged;
  staged.place = *restored_place(document);
  staged.in = context_list(document["ctxs"]["in"]);
  staged.merged = contexts_.merge(staged.in);
  staged.prev = restored_prev(staged.place, document["prev"]);
  staged.ready = document["ready"].truthy();
  staged.completed = document["completed"].truthy();
  staged.run_on_fail = document["run_on_fail"].truthy();
  staged.retry = retry_state(document["retry"]);
  if (document["items"].is_list()) {
    std::vector<Items::Item> items;
    for (const Value& item : document["items"].as_list()) {
      items.push_back({status_of(item["status"].string_or("")).value_or(Status::kUnset), Value()});
    }
    staged.items = std::make_shared<Items>(std::move(items));
    if (Entry* entry = latest(staged.place); entry != nullptr) entry->items = staged.items;
  }
  stage(std::move(staged));
}

}  // namespace squall::workflow::orquesta
