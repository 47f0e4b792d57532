// The state of one run of an Orquesta workflow and the decisions over it (orquesta.md sections 3 to 9, 12). What
// Orquesta finds by going through all its records is kept at hand here, so a step costs what it changes.
//
// Not thread-safe. run.cpp wraps it into the interface of workflow cores.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "value/value.hpp"
#include "workflow/orquesta/contexts.hpp"
#include "workflow/orquesta/evaluator.hpp"
#include "workflow/orquesta/graph.hpp"
#include "workflow/orquesta/join_table.hpp"
#include "workflow/orquesta/orquesta.hpp"
#include "workflow/orquesta/run_state.hpp"
#include "workflow/workflow.hpp"

namespace squall::workflow::orquesta {

// What happened to a task: a change of an action, or a command of the engine.
struct TaskEvent {
  std::string name;  // "action_succeeded", "task_noop_requested"
  Status status = Status::kUnset;
  Value result;
  std::optional<size_t> item;
};

class Conductor final : public TaskLookup {
 public:
  Conductor(std::shared_ptr<const Workflow> workflow, const Environment& environment);
  Conductor(const Conductor&) = delete;
  Conductor& operator=(const Conductor&) = delete;

  // Applies one event; see WorkflowRun::apply.
  Result<Applied> apply(const Event& event);

  Status status() const { return status_; }
  const Value& output() const { return output_; }
  const List& errors() const { return errors_; }
  uint64_t hash() const;
  Value document() const;
  Value task_records() const;
  std::vector<int64_t> open_actions() const;

 private:
  // --- conductor.cpp: events
  ::squall::Status decide(const Event& event);
  ::squall::Status start(const Start& start);
  ::squall::Status change_action(const ActionChanged& change);
  ::squall::Status refuse_action(const ActionRefused& refused);
  ::squall::Status request(Status asked);
  ::squall::Status resume();
  Result<OpenAction*> open_action(int64_t number);
  void tell_actions(Status asked);
  void fail_workflow();
  void set_status(Status status);
  void settle();
  void finish();
  void tell_finish();
  void render_output();
  Value terminal_context() const;

  void log_error(const Error& error, const Place* place, const Edge* edge);
  // Orquesta leaves the route out of what actions failed with.
  void log_message(std::string message, const Place* place, bool with_route, const Edge* edge, const Value& result);
  void add_error(Value entry);
  void drop_errors_of(const std::string& task);

  // --- conductor_records.cpp: entries, staged tasks, and what is kept about them
  Entry* latest(Place place);
  const Entry* latest(Place place) const;
  Entry& add_entry(const Staged& staged);
  void set_entry_status(Entry& entry, Status status);
  void set_next(Entry& entry, uint32_t edge, bool met);
  Staged* find_staged(Place place);
  Staged* find_staged_for_arrival(Place place);
  Staged& stage(Staged staged);
  void unstage(Place place);
  void note_staged(uint64_t order);
  bool has_staged() const { return !ready_.empty(); }
  bool has_active() const { return !active_.empty(); }
  size_t count_last(uint32_t group) const;
  JoinState join_state(Place place) const;

  // --- conductor_tasks.cpp: what follows from a change of an action
  void update_task(Place place, const TaskEvent& event);
  Entry* entry_for(Place place, const TaskEvent& event);
  void process_event(Entry& entry, const TaskEvent& event);
  std::string items_event(Place place, const TaskEvent& event);
  void stage_retry(Entry& entry);
  void complete(Entry& entry, const TaskEvent& event, bool changed, std::vector<Place>& commands);
  Result<bool> wants_retry(const Entry& entry, const TaskScope& scope);
  void setup_retry(Entry& entry);
  Value task_result(const Entry& entry, const TaskEvent& event) const;
  void process_task_event(Place place, Status status);
  std::string task_event_of(Place place, Status status) const;
  bool has_next_tasks(Place place) const;
  bool has_barrier_next(Place place) const;
  void fail_unreachable_joins();

  // --- conductor_transitions.cpp
  void follow_transitions(Entry& entry, const TaskScope& scope, std::vector<Place>& commands);
  Result<bool> criteria_met(const Edge& edge, const TaskScope& scope);
  struct Published;
  bool publish(Entry& entry, const Edge& edge, TaskScope scope, Published& published);
  Staged& stage_next(Entry& entry, uint32_t edge, const Published& published);
  uint32_t route_after(const Edge& edge, uint32_t route);

  // --- conductor_next.cpp: what can be started now
  struct Offer;
  void dispatch();
  bool dispatch_once();
  Result<Offer> offer(uint64_t order);
  ::squall::Status offer_items(Staged& staged, const TaskSpec& task, const TaskScope& scope, Offer& offer);
  ::squall::Status know_items(Staged& staged, const TaskSpec& task, const TaskScope& scope);
  Result<RunAction> rendered(const TaskSpec& task, const Staged& staged, const TaskScope& scope);
  Result<int64_t> delay_of(const TaskSpec& task, const Staged& staged, const TaskScope& scope);
  void begin(Offer& offer);

  // --- conductor_rerun.cpp
  ::squall::Status rerun(const RerunRequest& request);
  Result<std::map<uint64_t, RerunTask>> requested(const RerunRequest& request) const;
  // Place -> entries that came from there.
  using Followers = std::unordered_map<uint64_t, std::vector<uint32_t>>;
  Followers followers() const;
  std::vector<uint32_t> candidates(const std::map<uint64_t, RerunTask>& tasks, const Followers& followers) const;
  std::set<uint32_t> with_descendants(Place place, const Followers& followers) const;
  void rerun_task(Entry& entry, const RerunTask& task, std::optional<uint32_t> inputs);
  void stage_again(Entry& entry, const RerunTask& task, std::optional<uint32_t> inputs);

  // --- conductor_document.cpp, conductor_restore.cpp
  Value entry_document(const Entry& entry) const;
  Value staged_document(const Staged& staged) const;
  ::squall::Status restore(const Value& document);
  void restore_entry(const Value& document);
  void restore_staged(const Value& document);
  Result<Place> restored_place(const Value& document) const;
  Prev restored_prev(Place place, const Value& document) const;

  // --- functions.cpp: TaskLookup
  std::optional<std::string> status_in(std::string_view task, int64_t route) const override;
  std::optional<int64_t> parent_route(int64_t route) const override;
  Result<Value> task_function(const Value& task, const Value& route, const TaskScope* scope) const override;
  std::string new_task_execution_id();
  Result<Value> evaluate(const Value& value, const TaskScope& scope) { return evaluator_.evaluate(value, scope); }
  Value task_document(const Entry& entry) const;

  const Graph& graph() const { return workflow_->graph; }
  const Node& node_of(Place place) const { return graph().node(place.node); }

  std::shared_ptr<const Workflow> workflow_;
  Evaluator evaluator_;
  Timestamp now_{};

  Status status_ = Status::kUnset;
  bool begun_ = false;
  bool restored_ = false;  // and may have actions under way that it does not know
  Value inputs_, parent_;
  Contexts contexts_;
  std::vector<std::vector<std::string>> routes_;
  std::deque<Entry> entries_;                      // references stay valid while it grows
  std::unordered_map<uint64_t, uint32_t> latest_;  // place -> entry
  List reruns_;
  Value output_;
  List errors_, log_;
  std::unordered_multimap<uint64_t, size_t> error_hashes_;  // of errors_, to find an equal one

  // Staged tasks in the order in which they were staged. A place may have two when one is reached again while its items
  // run; then the first counts, and the second waits.
  uint64_t staged_counter_ = 0;
  std::map<uint64_t, Staged> staged_;
  std::unordered_map<uint64_t, std::vector<uint64_t>> staged_at_;
  std::set<uint64_t> ready_;    // ready and not completed
  std::set<uint64_t> wanting_;  // of these, the ones that may have something to start

  std::set<uint32_t> active_;                       // last entries of their places with an active status
  std::array<size_t, kStatusCount> last_counts_{};  // of all last entries
  JoinTable joins_;

  int64_t next_number_ = 1;
  std::map<int64_t, OpenAction> actions_;
  std::vector<Command> commands_;
  bool finish_told_ = false;
  size_t errors_told_ = 0;
  Value output_told_;
};

}  // namespace squall::workflow::orquesta
