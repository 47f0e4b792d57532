#include "workflow/workflow.hpp"

#include <utility>

namespace squall::workflow {
namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

Value row_of(std::string_view event) { return Value::dict({{"event", event}}); }

// Leaves out what says nothing.
void set_given(Value& row, std::string_view key, const Value& value) {
  if (!value.is_null()) row.set(key, value);
}

Value row_of(const RerunTask& task) {
  Value row = Value::dict({{"task", task.task}});
  if (task.route) row.set("route", *task.route);
  if (task.reset_items) row.set("reset_items", true);
  set_given(row, "input", task.input);
  if (task.skip) row.set("skip", true);
  return row;
}

Value row_of(const RerunRequest& request) {
  Value row = row_of("rerun");
  if (!request.tasks.empty()) {
    List tasks;
    for (const RerunTask& task : request.tasks) tasks.push_back(row_of(task));
    row.set("tasks", Value(std::move(tasks)));
  }
  set_given(row, "inputs", request.inputs);
  set_given(row, "env", request.env);
  return row;
}

tl::unexpected<Error> bad_row(const std::string& what) {
  return fail(ErrorCode::kInvalid, "journal row of a workflow: " + what);
}

Result<int64_t> number_of(const Value& row) {
  const int64_t number = row["number"].int_or(-1);
  if (number < 0) return bad_row("\"number\" is missing");
  return number;
}

RerunRequest rerun_of(const Value& row) {
  RerunRequest request;
  request.inputs = row["inputs"];
  request.env = row["env"];
  if (!row["tasks"].is_list()) return request;
  for (const Value& task : row["tasks"].as_list()) {
    RerunTask made;
    made.task = task["task"].string();
    if (task["route"].is_int()) made.route = task["route"].int_or(0);
    made.reset_items = task["reset_items"].bool_or(false);
    made.input = task["input"];
    made.skip = task["skip"].bool_or(false);
    request.tasks.push_back(std::move(made));
  }
  return request;
}

Result<Event::What> what_of(const Value& row) {
  const std::string_view kind = row["event"].string_or("");
  if (kind == "start") return Event::What(Start{row["inputs"], row["context"]});
  if (kind == "restore") return Event::What(Restore{row["document"]});
  if (kind == "proceed") return Event::What(Proceed{});
  if (kind == "pause") return Event::What(PauseRequest{});
  if (kind == "resume") return Event::What(ResumeRequest{row["env"]});
  if (kind == "cancel") {
    return Event::What(CancelRequest{std::string(row["status"].string_or("canceled")), row["message"]});
  }
  if (kind == "rerun") return Event::What(rerun_of(row));
  if (kind == "timer") {
    SQ_TRY(const int64_t number, number_of(row));
    return Event::What(TimerDue{number});
  }
  if (kind == "action") {
    SQ_TRY(const int64_t number, number_of(row));
    return Event::What(ActionChanged{number, row["status"].string(), row["result"]});
  }
  if (kind == "refused") {
    SQ_TRY(const int64_t number, number_of(row));
    return Event::What(ActionRefused{number, row["message"].string()});
  }
  return bad_row("unknown event \"" + std::string(kind) + "\"");
}

Value command(std::string_view name, int64_t number) { return Value::dict({{"command", name}, {"number", number}}); }

}  // namespace

Value Event::to_value() const {
  Value row = std::visit(
      Overloaded{
          [](const Start& start) {
            return Value::dict({{"event", "start"}, {"inputs", start.inputs}, {"context", start.context}});
          },
          [](const ActionChanged& change) {
            Value made = Value::dict({{"event", "action"}, {"number", change.number}, {"status", change.status}});
            set_given(made, "result", change.result);
            return made;
          },
          [](const ActionRefused& refused) {
            return Value::dict({{"event", "refused"}, {"number", refused.number}, {"message", refused.message}});
          },
          [](const Restore& restore) {
            return Value::dict({{"event", "restore"}, {"document", restore.document}});
          },
          [](const TimerDue& due) {
            return Value::dict({{"event", "timer"}, {"number", due.number}});
          },
          [](const Proceed&) { return row_of("proceed"); },
          [](const PauseRequest&) { return row_of("pause"); },
          [](const ResumeRequest& request) {
            Value made = row_of("resume");
            set_given(made, "env", request.env);
            return made;
          },
          [](const CancelRequest& request) {
            Value made = row_of("cancel");
            if (request.status != "canceled") made.set("status", request.status);
            set_given(made, "message", request.message);
            return made;
          },
          [](const RerunRequest& request) { return row_of(request); },
      },
      what);
  row.set("at", format_timestamp(at));
  row.set("seed", Value(seed));
  if (more) row.set("more", true);
  if (answers && !answers->empty()) row.set("answers", Value(*answers));
  return row;
}

Result<Event> Event::from_value(const Value& row) {
  Event event;
  SQ_TRY(event.what, what_of(row));
  const auto at = parse_timestamp(row["at"].string_or(""));
  if (!at) return bad_row("\"at\" is no time");
  event.at = *at;
  if (!row["seed"].is_int()) return bad_row("\"seed\" is no number");
  event.seed = row["seed"].as_uint();
  event.more = row["more"].bool_or(false);
  event.answers = row["answers"].is_list() ? row["answers"].as_list() : List();
  return event;
}

Value to_value(const Command& given) {
  return std::visit(Overloaded{
                        [](const RunAction& run) {
                          Value made = command("run", run.number);
                          made.set("task", run.task);
                          made.set("route", run.route);
                          made.set("task_execution_id", run.task_execution_id);
                          if (run.item) made.set("item", *run.item);
                          made.set("action", run.action);
                          made.set("input", run.input);
                          if (run.delay_ms != 0) made.set("delay_ms", run.delay_ms);
                          return made;
                        },
                        [](const StartTimer& timer) {
                          Value made = command("start_timer", timer.number);
                          made.set("delay_ms", timer.delay_ms);
                          return made;
                        },
                        [](const CancelTimer& timer) { return command("cancel_timer", timer.number); },
                        [](const CancelAction& action) { return command("cancel", action.number); },
                        [](const PauseAction& action) { return command("pause", action.number); },
                        [](const ResumeAction& action) { return command("resume", action.number); },
                        [](const StatusChanged& change) {
                          return Value::dict({{"command", "status"}, {"status", change.status}});
                        },
                        [](const Finish& finish) {
                          return Value::dict({{"command", "finish"},
                                              {"status", finish.status},
                                              {"output", finish.output},
                                              {"errors", finish.errors}});
                        },
                    },
                    given);
}

}  // namespace squall::workflow
