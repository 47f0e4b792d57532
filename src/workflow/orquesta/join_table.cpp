#include "workflow/orquesta/join_table.hpp"

#include <algorithm>

namespace squall::workflow::orquesta {

JoinTable::Sources& JoinTable::sources_of(Place join) {
  Sources& sources = joins_[join.key()];
  const size_t count = graph_.node(join.node).sources.size();
  if (sources.met.size() != count) {
    sources.met.assign(count, 0);
    sources.has_run.assign(count, false);
    sources.not_run_count = static_cast<uint32_t>(count);
  }
  return sources;
}

size_t JoinTable::index_of(uint32_t join, uint32_t source) const {
  const std::vector<uint32_t>& all = graph_.node(join).sources;
  return static_cast<size_t>(std::lower_bound(all.begin(), all.end(), source) - all.begin());
}

void JoinTable::begin(Place source) {
  for (const uint32_t edge : graph_.node(source.node).out) {
    const uint32_t to = graph_.edge(edge).to;
    if (!graph_.node(to).is_barrier()) continue;
    Sources& sources = sources_of({to, source.route});
    const size_t index = index_of(to, source.node);
    if (!sources.has_run[index]) --sources.not_run_count;
    sources.has_run[index] = true;
    if (sources.met[index] > 0) --sources.met_count;
    sources.met[index] = 0;
  }
}

void JoinTable::set(Place source, uint32_t edge, bool met) {
  const uint32_t to = graph_.edge(edge).to;
  if (!met || !graph_.node(to).is_barrier()) return;
  Sources& sources = sources_of({to, source.route});
  if (sources.met[index_of(to, source.node)]++ == 0) ++sources.met_count;
}

JoinState JoinTable::state(Place join, bool going_on) const {
  const Node& node = graph_.node(join.node);
  // No join: the one transition that asks is met.
  if (!node.is_barrier()) return JoinState::kSatisfied;
  const auto found = joins_.find(join.key());
  const uint32_t met = found == joins_.end() ? 0 : found->second.met_count;
  const size_t not_run = found == joins_.end() ? node.sources.size() : found->second.not_run_count;
  // `join: 0` asks for one, as Orquesta does.
  const auto needed = node.barrier == Value("*") ? static_cast<int64_t>(node.sources.size())
                                                 : std::max<int64_t>(node.barrier.int_or(1), 1);
  if (met >= needed) return JoinState::kSatisfied;
  return not_run > 0 && going_on ? JoinState::kInProgress : JoinState::kNotSatisfied;
}

}  // namespace squall::workflow::orquesta
