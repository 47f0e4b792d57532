// Task policies, in the order of the real engine: pause-before, wait-before, wait-after, fail-on, retry, timeout,
// concurrency.
#include <cmath>

#include "value/python.hpp"
#include "workflow/mistral/engine.hpp"

namespace squall::workflow::mistral {

namespace {

tl::unexpected<Error> wrong_type(std::string_view policy, const Value& value, const std::string& why) {
  return fail(Error(ErrorCode::kInvalid, "Invalid data type in " + std::string(policy) + ": " + python::repr(value) +
                                             " " + why +
                                             ". Value(s) can be shown after YAQL evaluating. If you use YAQL here, "
                                             "please correct it.")
                  .with_type("InvalidModelException"));
}

Result<int64_t> natural(std::string_view policy, const Value& value) {
  const bool whole = value.is_double() && std::nearbyint(value.as_double()) == value.as_double();
  if (!value.is_int() && !whole) return wrong_type(policy, value, "is not of type 'integer'");
  const int64_t number = whole ? static_cast<int64_t>(value.as_double()) : value.int_or(0);
  if (number < 0) return wrong_type(policy, value, "is less than the minimum of 0");
  return number;
}

}  // namespace

Result<Delays> Engine::delays(size_t index, bool before_start) {
  const TaskExecution& task = tasks_[index];
  const Policies& policies = task.spec->policies;
  const Place place{task.workflow, index};
  Delays made;
  const auto number = [&](std::string_view policy, const Value& written, int64_t& into) -> Status {
    if (written.is_null()) return {};
    SQ_TRY(const Value value, evaluate(written, place));
    SQ_TRY(into, natural(policy, value));
    return {};
  };
  if (before_start && !policies.pause_before.is_null()) {
    SQ_TRY(const Value pause, evaluate(policies.pause_before, place));
    if (!pause.is_bool()) return wrong_type("PauseBeforePolicy", pause, "is not of type 'boolean'");
    made.pause_before = pause.as_bool();
  }
  if (before_start) SQ_CHECK(number("WaitBeforePolicy", policies.wait_before, made.wait_before));
  SQ_CHECK(number("WaitAfterPolicy", policies.wait_after, made.wait_after));
  if (policies.retry) {
    SQ_CHECK(number("RetryPolicy", policies.retry->count, made.retry_count));
    SQ_CHECK(number("RetryPolicy", policies.retry->delay, made.retry_delay));
  }
  if (before_start) {
    SQ_CHECK(number("TimeoutPolicy", policies.timeout, made.timeout));
    SQ_CHECK(number("ConcurrencyPolicy", policies.concurrency, made.concurrency));
  }
  return made;
}

Status Engine::before_start(size_t index) {
  SQ_TRY(const Delays wanted, delays(index, true));
  TaskExecution& task = tasks_[index];
  if (wanted.pause_before) {
    set_task_state(index, State::kIdle, Value("Set by 'pause-before' policy"));
    SQ_CHECK(pause_workflow(task.workflow, Value()));
  }
  if (wanted.wait_before > 0) {
    if (task.waited_before) {
      set_task_state(index, State::kRunning, Value());
    } else if (task.state != State::kIdle) {
      task.waited_before = true;
      set_task_state(index, State::kDelayed,
                     Value("Delayed by 'wait-before' policy [delay=" + std::to_string(wanted.wait_before) + "]"));
      start_timer(wanted.wait_before, {Timer::Kind::kContinueTask, index});
    }
  }
  if (wanted.timeout > 0) {
    task.timeout_timer =
        start_timer_ms(wanted.timeout * 1000, {Timer::Kind::kTimeout, index, State::kError, Value(wanted.timeout)});
  }
  task.concurrency = wanted.concurrency;
  return {};
}

Status Engine::after_complete(size_t index) {
  SQ_TRY(const Delays wanted, delays(index, false));
  TaskExecution& task = tasks_[index];
  if (wanted.wait_after > 0 && !task.waited_after) {
    task.waited_after = true;
    const State end = task.state;
    const Value info = task.state_info;
    set_task_state(index, State::kDelayed,
                   Value("Delayed by 'wait-after' policy [delay=" + std::to_string(wanted.wait_after) + "]"));
    start_timer(wanted.wait_after, {Timer::Kind::kCompleteTask, index, end, info});
  }
  if (!task.spec->policies.fail_on.is_null() && task.state == State::kSuccess) {
    SQ_TRY(const Value failed, evaluate(task.spec->policies.fail_on, {task.workflow, index}));
    if (failed.truthy()) set_task_state(index, State::kError, Value("Failed by 'fail-on' policy"));
  }
  return task.spec->policies.retry ? retry(index, wanted) : Status();
}

Status Engine::retry(size_t index, const Delays& wanted) {
  TaskExecution& task = tasks_[index];
  const RetrySpec& spec = *task.spec->policies.retry;
  if (wanted.retry_count == 0) return {};
  const Place place{task.workflow, index};
  const Value context = outbound_context(task);
  const auto holds = [&](const std::string& expression) -> Result<bool> {
    if (expression.empty()) return false;
    SQ_TRY(const Value value, evaluate(Value(expression), place, context));
    return value.truthy();
  };
  SQ_TRY(const bool goes_on, holds(spec.continue_on));
  SQ_TRY(const bool breaks, holds(spec.break_on));
  if (!is_completed(task.state) || task.state == State::kCancelled || task.state == State::kSkipped) return {};
  const int64_t done = std::exchange(task.retry_number, 0);
  const bool stop = spec.continue_on.empty() ? task.state == State::kSuccess : !goes_on;
  if (done >= wanted.retry_count || stop || (task.state == State::kError && breaks)) return {};
  invalidate_results(index);
  task.retry_number = done + 1;
  const Value info("Delayed by 'retry' policy [delay=" + std::to_string(wanted.retry_delay) + "]");
  if (task.spec->join != JoinKind::kNone) {
    // A join starts by way of its sources only.
    set_task_state(index, State::kWaiting, info);
    task.retry_pending = wanted.retry_delay > 0;
    if (task.retry_pending) {
      start_timer(wanted.retry_delay, {Timer::Kind::kRefreshJoin, index});
    } else {
      queue({Job::Kind::kRefresh, index, State::kRunning, Value()});
    }
    return {};
  }
  set_task_state(index, State::kDelayed, info);
  if (wanted.retry_delay > 0) {
    start_timer(wanted.retry_delay, {Timer::Kind::kContinueTask, index});
  } else {
    queue({Job::Kind::kContinueTask, index, State::kRunning, Value()});
  }
  return {};
}

}  // namespace squall::workflow::mistral
