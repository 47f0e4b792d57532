// ExecutionDriver: takes executions from request to result.
//
// Every state change is committed before it is acted on: an action is started only after "running" is durable, a
// chain's step and the end of the task before it are one transaction. After a restart recover() goes on from what was
// committed.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/result.hpp"
#include "base/stop_token.hpp"
#include "crypto/symmetric.hpp"
#include "engine/catalog.hpp"
#include "engine/changes.hpp"
#include "engine/secrets.hpp"
#include "runners/registry.hpp"
#include "runners/runner.hpp"
#include "workflow/chain/chain.hpp"
#include "workflow/workflow.hpp"

namespace squall::engine {

struct ExecutionRequest {
  std::string action;  // ref
  Value parameters;    // as given, may hold templates
  bool render = true;  // false: the parameters are rendered already (tasks of chains)
  Value context;       // merged into the execution's context
  std::string user;
  bool full_schema_errors = true;  // false: the first line only, as StackStorm's API answers
  int64_t delay_ms = 0;
  Value notify;           // {"on-complete": {routes, message, data}, ...}; null: what the action says
  Value trigger_payload;  // visible to templates as `trigger`; null: none
  Value embedded;         // further members of the document: rule, trigger, trigger_type, trigger_instance, parent
};

struct DriverOptions {
  std::string user = "stanley";  // the system user
  std::string api_url;           // for actions
  std::string web_url;           // prefix of web_url in documents
  std::string hostname;
  size_t running_processes_max = 64;
  // The token that an execution calls the API with; none while authentication is off.
  std::function<std::string(const std::string& execution_id)> auth_token;
};

class ExecutionDriver {
 public:
  struct Dependencies {
    Executor& executor;
    const Clock& clock;
    store::Store& store;
    Catalog& catalog;
    Committer& committer;
    runners::RunnerRegistry& runners;
    const SecretSealer& sealer;
    // Of encrypted datastore values; null: there are none to read.
    const crypto::SymmetricKey* datastore_key = nullptr;
  };
  ExecutionDriver(Dependencies dependencies, DriverOptions options);
  ~ExecutionDriver();
  ExecutionDriver(const ExecutionDriver&) = delete;
  ExecutionDriver& operator=(const ExecutionDriver&) = delete;

  // Called with every execution that reached a final state, inside the step that finishes it.
  void on_finished(std::function<void(const Value& execution, Changes&)> observer) { observer_ = std::move(observer); }

  // Called with what an action prints while it runs; `type` is "stdout" or "stderr".
  using OutputObserver = std::function<void(const Value& execution, std::string_view type, std::string_view chunk)>;
  void on_output(OutputObserver observer) { output_observer_ = std::move(observer); }

  // Validates a request and adds its execution to `changes`; it starts once they are committed. Returns the document as
  // "requested". The error is what StackStorm answers with status 400 (B-2 to B-5). When rendering the parameters
  // fails, a failed execution is added all the same (B-5), so `changes` must be committed in any case.
  Result<Value> request(ExecutionRequest request, Changes& changes);

  // Called with every execution that asks for an answer, inside the step that records the question.
  void on_inquiry(std::function<void(const Value& execution, Changes&)> observer) { on_inquiry_ = std::move(observer); }
  // Answers a pending inquiry: {id, response}. kForbidden when the question is not for this user; kInvalid when it is
  // not pending or the response does not fit the question's schema (K-2).
  Result<Value> respond(const std::string& id, const Value& response, const std::string& user, Changes& changes);

  // Cancel, pause and resume as the API has them (F-6, F-7). The document after the change, or why not.
  Result<Value> cancel(const std::string& id, const std::string& user, Changes& changes);
  Result<Value> pause(const std::string& id, const std::string& user, Changes& changes);
  Result<Value> resume(const std::string& id, const std::string& user, Changes& changes);

  // The current document of an execution that is not final; null when it is final or unknown.
  const Value* live(std::string_view id);
  size_t live_count() const { return live_.size() + unread_.size(); }
  // Ids of the unfinished executions for which `predicate` holds.
  std::vector<std::string> find_live(const std::function<bool(const Value&)>& predicate);

  // Policies have changed: lets start what they hold back no longer.
  void release_held_back(Changes& changes);

  // True while an attempt of this execution, or of the task that this chain waits for, is with its runner.
  bool at_work(std::string_view id);

  // Called once at start, before anything else: finds every unfinished execution, and takes them up step by step on the
  // executor, so that requests are served meanwhile. Whatever asks about unfinished executions in between reads the
  // rest of them first.
  Status recover();
  // Unfinished executions that recovery has not taken up yet.
  size_t unrecovered_count() const { return unread_.size() + read_back_.size(); }
  // Stops native waits and running actions without recording an end: recover() of the next start does that.
  void stop();

  // The config of a pack with its defaults, its templates rendered for `user`.
  Result<Value> config_of(const std::string& pack, const std::string& user);

 private:
  struct Live;
  struct Prepared;
  // What the policies of an action say of one execution.
  struct Verdict {
    enum What { kStart, kDelay, kCancel };
    What what = kStart;
    std::string policy;      // ref of the one that does not let it start
    bool everybody = false;  // it would say so of every execution of the action
  };

  Live& add_live(Value document, Value parameters);
  void activate(Live& execution, Changes& changes);
  Status prepare(Live& execution);
  void begin_action(Live& execution, Changes& changes);
  bool fits_depth(Live& execution, const char* kind, Changes& changes);
  void begin_chain(Live& execution, Changes& changes);
  Status load_chain(Live& execution);
  void apply(Live& execution, workflow::ChainCommand command, Changes& changes);
  std::optional<workflow::TaskEnd> start_task(Live& execution, const workflow::RunTask& task, Changes& changes);
  // Policies (execution_policies.cpp).
  bool pass_policies(Live& execution, Changes& changes);
  void mark_admitted(Live& execution);
  Verdict judge(const Live& execution) const;
  void cancel_for(const Verdict& verdict, Live& execution, Changes& changes);
  size_t count_active(const Live& execution, const Value& attributes) const;
  void release(const std::string& action, Changes& changes);
  void release_of(const std::string& action, Changes& changes);
  void retry(const Value& finished, const Value& given, Changes& changes);

  void dispatch(const std::string& id);
  void on_outcome(const std::string& id, runners::ActionOutcome outcome);
  void on_wait(Live& execution, const runners::Wait& wait, Value shown, Changes& changes);
  void finish(Live& execution, std::string_view status, Value result, Changes& changes);
  void set_paused(Live& execution, Value result, Changes& changes);
  void set_resumed(Live& execution);
  bool asks(const std::string& id) const;
  void set_pending(Live& execution, Value question, Changes& changes);
  void child_halted(const Value& child, Changes& changes);
  void finish_canceled(Live& execution, Changes& changes);
  void task_ended(const Value& child, int64_t number, Changes& changes);
  Result<Live*> admit(const ExecutionRequest& request, bool& rendering_failed, Changes& changes);
  void launch(Live& execution, int64_t delay_ms, Changes& changes);

  // Workflows that are carried out by a WorkflowRun; see execution_workflow.cpp.
  std::vector<std::string> earlier_executions(const Value& document);
  Live* find_flow(std::string_view id);
  Value load_flow(Live& execution, const std::vector<std::string>& journals);
  Value load_begun_flow(Live& execution);
  Value flow_context(const Live& execution) const;
  void begin_flow(Live& execution, Changes& changes);
  Value workflow_id_of(const std::string& execution);
  void rerun_tasks(Live& execution, const Value& again, Changes& changes);
  Status feed(const std::string& id, workflow::Event::What what, Changes& changes);
  Status step(Live& execution, const workflow::Event::What& what, Changes& changes);
  void carry_out(const std::string& id, workflow::Command& command, Changes& changes);
  void flow_status_changed(Live& execution, const std::string& changed, Changes& changes);
  static Value flow_result(const Live& execution, const workflow::Finish& end);
  void flow_finished(Live& execution, const workflow::Finish& end, Changes& changes);
  void start_flow_task(Live& parent, const workflow::RunAction& run, Changes& changes);
  void drop_flow_timer(Live& execution, int64_t number, Changes& changes);
  void arm_flow_timer(const std::string& id, int64_t number, Timestamp due);
  void tell_parent(const Value& child, Changes& changes);
  void child_resumed(const Value& child, Changes& changes);
  void flow_task_ended(const Value& child, int64_t number, Changes& changes);
  Live* take_up_lingering(const std::string& id);
  Result<Value> request_of_flow(Live& execution, workflow::Event::What what, Changes& changes);
  void read_back_flow(Live& execution);
  void take_up_flow(Live& execution, Changes& changes);
  void drain_ended(Changes& changes);
  void arm(const std::string& id, Timestamp due);
  void on_due(const std::string& id);
  void start_waiting(Changes& changes);
  // Adds the document to the changes. False when it cannot be recorded: the execution has failed then, and the
  // reference is gone.
  bool save(Live& execution, Changes& changes);
  void post_recovery_step();
  void recovery_step();
  Status read_back(size_t count);
  void read_back_all();
  void take_up(Live& execution, Changes& changes);
  void recover_one(Live& execution, Changes& changes);
  // The trace of a new execution: the one it was given, its parent's, or a new one.
  std::string trace_of(const ExecutionRequest& request, const Value& document, Changes& changes);
  Value build_document(const ExecutionRequest& request, const Value& action, const Value& runner,
                       const Value& parameters);
  Result<Value> check_and_render(const ExecutionRequest& request, const Value& action, const Value& runner,
                                 const Value& context, bool& rendering_failed);
  runners::ActionRequest action_request(const Live& execution);
  Value sealed_or_null(const Value& parameters, const Value& masked) const;

  Dependencies deps_;
  DriverOptions options_;
  std::function<void(const Value&, Changes&)> observer_;
  std::function<void(const Value&, Changes&)> on_inquiry_;
  OutputObserver output_observer_;
  std::map<std::string, std::unique_ptr<Live>, std::less<>> live_;
  std::deque<std::string> waiting_;  // ids that wait for a free process slot
  // Finished executions whose workflows have not heard of it yet.
  struct Ended {
    Value execution;
    int64_t number = 0;  // in the run of the workflow above
  };
  std::deque<Ended> ended_;
  // Workflows that have ended while tasks of them still run.
  std::map<std::string, std::unique_ptr<Live>, std::less<>> lingering_;
  // By action: executions that were let start and have not ended, and those that policies hold back, in the order in
  // which they were asked for.
  std::map<std::string, std::set<std::string>, std::less<>> active_;
  std::map<std::string, std::deque<std::string>, std::less<>> held_back_;
  std::set<std::string> to_release_;
  bool releasing_ = false;
  // Recovery: ids whose records are still to be read; ids that have been read but not acted upon.
  std::deque<std::string> unread_;
  std::deque<std::string> read_back_;
  // By workflow: tasks, by their number, that were read before it.
  std::map<std::string, std::map<int64_t, std::string>, std::less<>> orphans_;
  bool draining_ = false;
  size_t running_processes_ = 0;
  bool stopping_ = false;
};

}  // namespace squall::engine
