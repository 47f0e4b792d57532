// How far the sources of joins have come, counted as they go (orquesta.md section 6, "Join / barrier").
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "workflow/orquesta/graph.hpp"
#include "workflow/orquesta/run_state.hpp"

namespace squall::workflow::orquesta {

enum class JoinState : uint8_t { kSatisfied, kInProgress, kNotSatisfied };

class JoinTable {
 public:
  explicit JoinTable(const Graph& graph) : graph_(graph) {}

  // The task began anew on this route: none of its transitions is met yet.
  void begin(Place source);
  // A transition of the newest execution in this place was evaluated.
  void set(Place source, uint32_t edge, bool met);
  // `going_on`: anything else runs or is ready to.
  JoinState state(Place join, bool going_on) const;

 private:
  struct Sources {
    std::vector<uint32_t> met;   // for each source, how many of its edges are met
    std::vector<bool> has_run;   // for each source
    uint32_t met_count = 0;      // sources with an edge that is met
    uint32_t not_run_count = 0;  // sources that have not begun
  };
  Sources& sources_of(Place join);
  size_t index_of(uint32_t join, uint32_t source) const;

  const Graph& graph_;
  std::unordered_map<uint64_t, Sources> joins_;
};

}  // namespace squall::workflow::orquesta
