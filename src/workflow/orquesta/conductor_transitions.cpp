// From a task that has ended to the next ones: criteria, publish, routes (orquesta.md section 6, step 9).
#include <algorithm>

#include "workflow/orquesta/conductor.hpp"

namespace squall::workflow::orquesta {

// What one transition hands on.
struct Conductor::Published {
  ContextList in;  // of the next task
  Value merged;
};

void Conductor::follow_transitions(Entry& entry, const TaskScope& scope, std::vector<Place>& commands) {
  const Node& node = node_of(entry.place);
  if (node.out.empty()) entry.term = true;
  bool fails = false;
  std::vector<Place> begun;
  for (const uint32_t index : node.out) {
    const Edge& edge = graph().edge(index);
    const Result<bool> met = criteria_met(edge, scope);
    if (!met) {
      log_error(met.error(), &entry.place, &edge);
      fail_workflow();
      continue;
    }
    set_next(entry, index, *met);
    if (!*met) continue;
    Published published{entry.in, entry.merged};
    if (!publish(entry, edge, scope, published)) continue;
    Staged& next = stage_next(entry, index, published);
    if (graph().node(edge.to).task == nullptr) {
      commands.push_back(next.place);
      fails = fails || graph().node(edge.to).name == "fail";
    } else if (next.ready) {
      begun.push_back(next.place);
    }
  }
  // What begins together with `fail` still runs: a clean-up, for instance.
  if (!fails) return;
  for (const Place& place : begun) {
    if (Staged* staged = find_staged(place)) staged->run_on_fail = true;
  }
}

Result<bool> Conductor::criteria_met(const Edge& edge, const TaskScope& scope) {
  if (edge.criteria.is_null()) return true;
  SQ_TRY(const Value met, evaluate(edge.criteria, scope));
  return met.truthy();
}

// Evaluates what the transition publishes; each value sees the ones before it. False when it failed.
bool Conductor::publish(Entry& entry, const Edge& edge, TaskScope scope, Published& published) {
  const Transition& transition = node_of(entry.place).task->next[edge.ref];
  if (transition.publish.empty()) return true;
  Value context = Value::empty_dict();
  bool failed = false;
  for (const auto& [name, written] : transition.publish) {
    Result<Value> value = evaluate(written, scope);
    if (!value) {
      log_error(value.error(), &entry.place, &edge);
      failed = true;
      continue;
    }
    scope.variables.set(name, *value);
    context.set(name, *std::move(value));
  }
  if (failed) {
    fail_workflow();
    return false;
  }
  const uint32_t number = contexts_.add(context);
  const auto index = static_cast<uint32_t>(&edge - graph().edges().data());
  entry.out = std::pair(index, number);
  published.in = published.in.with(number);
  published.merged = merged(published.merged, context);
  return true;
}

Staged& Conductor::stage_next(Entry& entry, uint32_t index, const Published& published) {
  const Edge& edge = graph().edge(index);
  const Place next{edge.to, route_after(edge, entry.place.route)};
  Staged* staged = find_staged_for_arrival(next);
  if (staged != nullptr) {
    const std::vector<uint32_t> later = published.in.numbers_after_first();
    staged->in = staged->in.with(later);
    staged->merged = contexts_.merge(std::move(staged->merged), later);
    const auto same = std::find_if(staged->prev.begin(), staged->prev.end(),
                                   [index](const auto& known) { return known.first == index; });
    if (same == staged->prev.end()) {
      staged->prev.emplace_back(index, entry.index);
    } else {
      same->second = entry.index;
    }
    staged->items = nullptr;
    staged->completed = false;
  } else {
    Staged made;
    made.place = next;
    made.in = published.in;
    made.merged = published.merged;
    made.prev.emplace_back(index, entry.index);
    staged = &stage(std::move(made));
  }
  // Whether the join is complete is asked on the route of the source.
  staged->ready = join_state({edge.to, entry.place.route}) == JoinState::kSatisfied;
  for (const uint64_t order : staged_at_[next.key()]) note_staged(order);
  return *staged;
}

// A task that several ways lead to runs once for each: every way has a route of its own.
uint32_t Conductor::route_after(const Edge& edge, uint32_t route) {
  const Node& next = graph().node(edge.to);
  if (!next.split || next.in_cycle) return route;
  const std::vector<std::string>& before = routes_[route];
  if (std::find(before.begin(), before.end(), edge.back) != before.end()) return route;
  std::vector<std::string> after = before;
  after.push_back(edge.back);
  routes_.push_back(std::move(after));
  return static_cast<uint32_t>(routes_.size() - 1);
}

}  // namespace squall::workflow::orquesta
