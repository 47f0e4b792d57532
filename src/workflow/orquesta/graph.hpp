// The graph of a workflow: what Orquesta's composer makes of a document (orquesta.md section 2), in linear time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "value/value.hpp"
#include "workflow/orquesta/model.hpp"

namespace squall::workflow::orquesta {

struct Edge {
  uint32_t from = 0;
  uint32_t to = 0;
  uint32_t key = 0;  // counts the edges between the same two nodes
  uint32_t ref = 0;  // index into `next` of the source
  Value criteria;    // text, or null
  std::string id;    // "<target>__t<key>": names the edge among those of its source
  std::string back;  // "<source>__t<key>": names it among those of its target
};

struct Node {
  std::string name;
  const TaskSpec* task = nullptr;  // null for engine commands
  std::vector<uint32_t> out;       // edges by name of the target, then as written
  std::vector<uint32_t> in;
  std::vector<uint32_t> sources;  // distinct nodes that lead here, ascending
  std::optional<RetrySpec> retry;
  Value barrier;           // "*" for `join: all`, the number for `join: n`; null when there is no join
  bool reachable = false;  // from a start task; else Orquesta's graph does not have it
  bool split = false;      // no join, and more than one way leads here
  bool in_cycle = false;
  bool is_barrier() const { return !barrier.is_null(); }
};

class Graph {
 public:
  // The spec must outlive the graph. Targets that name no task are left out: inspection has told of them.
  explicit Graph(const WorkflowSpec& spec);

  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& node(uint32_t index) const { return nodes_[index]; }
  const Edge& edge(uint32_t index) const { return edges_[index]; }
  const std::vector<Edge>& edges() const { return edges_; }
  std::optional<uint32_t> find(std::string_view name) const;
  // Tasks that nothing leads to, by name.
  const std::vector<uint32_t>& roots() const { return roots_; }

  // networkx's adjacency format, as Orquesta stores it.
  Value document() const;

 private:
  void add_edges(uint32_t from);
  void find_cycles();
  void find_reachable();

  const WorkflowSpec& spec_;
  std::vector<Node> nodes_;  // tasks in the order of the document, then continue, noop, fail
  std::vector<Edge> edges_;
  std::vector<uint32_t> roots_;
};

}  // namespace squall::workflow::orquesta
