// The state as Orquesta would store it (orquesta.md section 3), task records, and the hash.
#include "workflow/orquesta/conductor.hpp"
#include "workflow/orquesta/value_hash.hpp"

namespace squall::workflow::orquesta {

namespace {

Value numbers(const ContextList& list) {
  List shown;
  for (const uint32_t number : list.numbers()) shown.push_back(static_cast<int64_t>(number));
  return Value(std::move(shown));
}

Value prev_document(const Graph& graph, const Prev& prev) {
  Value shown = Value::empty_dict();
  for (const auto& [edge, entry] : prev) shown.set(graph.edge(edge).back, static_cast<int64_t>(entry));
  return shown;
}

Value retry_document(const RetryState& retry) {
  return Value::dict({{"when", retry.when}, {"count", retry.count}, {"delay", retry.delay}, {"tally", retry.tally}});
}

void add_items(Hasher& hasher, const Items* items) {
  if (items == nullptr) return;
  for (size_t i = 0; i < items->size(); ++i) {
    hasher.add(static_cast<uint64_t>((*items)[i].status));
    hasher.add((*items)[i].result);
  }
}

void add_places(Hasher& hasher, Place place, const ContextList& in, const Prev& prev) {
  hasher.add(place.key());
  for (const uint32_t number : in.numbers()) hasher.add(uint64_t{number});
  for (const auto& [edge, entry] : prev) hasher.add(uint64_t{edge} << 32 | entry);
}

}  // namespace

Value Conductor::entry_document(const Entry& entry) const {
  Value ctxs = Value::dict({{"in", numbers(entry.in)}});
  if (entry.out) {
    ctxs.set("out", Value::dict({{graph().edge(entry.out->first).id, static_cast<int64_t>(entry.out->second)}}));
  }
  Value next = Value::empty_dict();
  for (const auto& [edge, met] : entry.next) next.set(graph().edge(edge).id, met);
  Value shown = Value::dict({{"id", node_of(entry.place).name},
                             {"route", static_cast<int64_t>(entry.place.route)},
                             {"ctxs", ctxs},
                             {"prev", prev_document(graph(), entry.prev)},
                             {"next", next}});
  if (entry.status != Status::kUnset) shown.set("status", status_name(entry.status));
  if (entry.term) shown.set("term", true);
  if (entry.retry) shown.set("retry", retry_document(*entry.retry));
  return shown;
}

Value Conductor::staged_document(const Staged& staged) const {
  Value shown = Value::dict({{"id", node_of(staged.place).name},
                             {"ctxs", Value::dict({{"in", numbers(staged.in)}})},
                             {"route", static_cast<int64_t>(staged.place.route)},
                             {"prev", prev_document(graph(), staged.prev)},
                             {"ready", staged.ready}});
  if (staged.retry) shown.set("retry", retry_document(*staged.retry));
  if (staged.items != nullptr) {
    List items;
    for (size_t i = 0; i < staged.items->size(); ++i) {
      items.push_back(Value::dict({{"status", status_name((*staged.items)[i].status)}}));
    }
    shown.set("items", Value(std::move(items)));
  }
  if (staged.completed) shown.set("completed", true);
  if (staged.run_on_fail) shown.set("run_on_fail", true);
  return shown;
}

Value Conductor::document() const {
  List routes, sequence, staged;
  for (const auto& route : routes_) {
    List details;
    for (const std::string& step : route) details.push_back(step);
    routes.push_back(Value(std::move(details)));
  }
  for (const Entry& entry : entries_) sequence.push_back(entry_document(entry));
  for (const auto& [order, task] : staged_) staged.push_back(staged_document(task));
  Value tasks = Value::empty_dict();
  for (const Entry& entry : entries_) {
    tasks.set(node_of(entry.place).name + "__r" + std::to_string(entry.place.route), static_cast<int64_t>(entry.index));
  }
  Value state = Value::dict({{"contexts", Value(List(contexts_.all()))},
                             {"routes", Value(std::move(routes))},
                             {"sequence", Value(std::move(sequence))},
                             {"staged", Value(std::move(staged))},
                             {"status", status_name(status_)},
                             {"tasks", tasks}});
  if (!reruns_.empty()) state.set("reruns", Value(reruns_));
  return Value::dict(
      {{"spec", Value::dict({{"catalog", "native"}, {"version", "1.0"}, {"spec", workflow_->spec.document()}})},
       {"graph", graph().document()},
       {"input", inputs_},
       {"context", parent_},
       {"state", state},
       {"log", Value(log_)},
       {"errors", Value(errors_)},
       {"output", output_}});
}

Value Conductor::task_records() const {
  List records;
  for (const Entry& entry : entries_) {
    if (entry.status == Status::kUnset || node_of(entry.place).task == nullptr) continue;
    Value record = Value::dict({{"id", entry.id},
                                {"task", node_of(entry.place).name},
                                {"route", static_cast<int64_t>(entry.place.route)},
                                {"status", status_name(entry.status)},
                                {"start_timestamp", format_timestamp(entry.started)},
                                {"end_timestamp", entry.ended ? Value(format_timestamp(*entry.ended)) : Value()},
                                {"result", entry.result}});
    if (entry.items != nullptr) record.set("items", task_document(entry)["result"]["items"]);
    records.push_back(std::move(record));
  }
  return Value(std::move(records));
}

uint64_t Conductor::hash() const {
  Hasher hasher;
  hasher.add(static_cast<uint64_t>(status_));
  hasher.add(inputs_);
  hasher.add(parent_);
  for (const Value& context : contexts_.all()) hasher.add(context);
  for (const auto& route : routes_) {
    hasher.add(route.size());
    for (const std::string& step : route) hasher.add_text(step);
  }
  for (const Entry& entry : entries_) {
    add_places(hasher, entry.place, entry.in, entry.prev);
    for (const auto& [edge, met] : entry.next) hasher.add(uint64_t{edge} << 1 | (met ? 1 : 0));
    if (entry.out) hasher.add(uint64_t{entry.out->first} << 32 | entry.out->second);
    hasher.add(static_cast<uint64_t>(entry.status) << 1 | (entry.term ? 1 : 0));
    if (entry.retry) hasher.add(retry_document(*entry.retry));
    hasher.add(entry.result);
    add_items(hasher, entry.items.get());
    hasher.add_text(entry.id);
    hasher.add(static_cast<uint64_t>(entry.started.time_since_epoch().count()));
  }
  for (const auto& [order, staged] : staged_) {
    hasher.add(order);
    add_places(hasher, staged.place, staged.in, staged.prev);
    hasher.add((staged.ready ? 1u : 0u) | (staged.completed ? 2u : 0u) | (staged.run_on_fail ? 4u : 0u));
    if (staged.retry) hasher.add(retry_document(*staged.retry));
    add_items(hasher, staged.items.get());
    hasher.add(staged.input);
  }
  for (const auto& [number, action] : actions_) {
    hasher.add(static_cast<uint64_t>(number));
    hasher.add(action.place.key());
    hasher.add(static_cast<uint64_t>(action.item) << 8 | static_cast<uint64_t>(action.status));
  }
  hasher.add(static_cast<uint64_t>(next_number_));
  hasher.add(Value(errors_));
  hasher.add(output_);
  return hasher.value();
}

}  // namespace squall::workflow::orquesta
