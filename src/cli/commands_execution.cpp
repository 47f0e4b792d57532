#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "model/execution.hpp"
#include "value/json.hpp"

namespace squall::cli {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(250);

const std::vector<Column> kListColumns = {{"ID", "id"},
                                          {"ACTION", "action.ref"},
                                          {"STATUS", "status"},
                                          {"USER", "context.user"},
                                          {"START", "start_timestamp"},
                                          {"SECONDS", "elapsed_seconds"}};
const std::vector<Column> kFields = {{"id", "id"},
                                     {"action", "action.ref"},
                                     {"status", "status"},
                                     {"parent", "parent"},
                                     {"rule", "rule.ref"},
                                     {"trigger_instance", "trigger_instance.id"},
                                     {"start", "start_timestamp"},
                                     {"end", "end_timestamp"},
                                     {"seconds", "elapsed_seconds"},
                                     {"parameters", "parameters"},
                                     {"result", "result"}};
const std::vector<Column> kTaskColumns = {{"TASK", "context.chain.name"},
                                          {"STATUS", "status"},
                                          {"ACTION", "action.ref"},
                                          {"SECONDS", "elapsed_seconds"},
                                          {"ID", "id"}};

std::string name_of(const Value& execution) {
  const std::string task = execution["context"]["chain"]["name"].string();
  const std::string ref = execution["action"]["ref"].string();
  return task.empty() ? ref : task + " (" + ref + ")";
}

int exit_code(const Value& execution) {
  const std::string status = execution["status"].string();
  if (status == model::status::kSucceeded) return 0;
  if (status == model::status::kTimeout) return kExitTimeout;
  return status == model::status::kPaused || status == model::status::kPending ? kExitWaits : kExitFailed;
}

void print_tasks(ApiClient& api, const Value& execution) {
  if (execution["children"].empty()) return;
  const auto tasks = api.get("/executions/" + execution["id"].string() + "/children");
  if (!tasks || tasks->empty()) return;
  std::printf("tasks:\n");
  print_list(Format::kTable, *tasks, kTaskColumns, "tasks", -1);
}

// Prints the states of one execution that were not printed yet.
void print_news(const Value& execution, std::map<std::string, size_t>& shown, size_t depth) {
  size_t& count = shown[execution["id"].string()];
  const Value& log = execution["log"];
  for (; count < log.size(); ++count) {
    const std::string time = log[count]["timestamp"].string();
    std::printf("%s %s%s %s\n", time.substr(0, 23).c_str(), std::string(depth * 2, ' ').c_str(),
                name_of(execution).c_str(), log[count]["status"].string().c_str());
  }
  std::fflush(stdout);
}

size_t depth_of(const Value& execution, const std::string& top) {
  size_t depth = 0;
  const Value* context = &execution["context"];
  while ((*context)["parent"].is_dict()) {
    ++depth;
    if ((*context)["parent"]["execution_id"].string_or("") == top) break;
    context = &(*context)["parent"];
  }
  return depth;
}

void print_output(const Value& execution) {
  const Value& result = execution["result"];
  for (const char* stream : {"stdout", "stderr"}) {
    const std::string text = cell_text(result[stream]);
    if (!text.empty()) std::printf("%s\n", text.c_str());
  }
  if (result["error"].is_string()) std::printf("error: %s\n", result["error"].string().c_str());
}

}  // namespace

int list_executions(ApiClient& api, const Format& format, const ListArguments& arguments) {
  Query query = arguments.filters;
  query.emplace_back("limit", std::to_string(arguments.limit));
  const auto list = api.get("/executions", query);
  if (!list) return report(list.error());
  print_list(format, *list, kListColumns, "executions", api.total());
  return 0;
}

int get_execution(ApiClient& api, const Format& format, const std::string& id) {
  const auto execution = api.get("/executions/" + percent_encode(id));
  if (!execution) return report(execution.error());
  print_one(format, *execution, kFields);
  if (format.is_table()) print_tasks(api, *execution);
  return 0;
}

int tail_execution(ApiClient& api, const std::string& id) {
  std::map<std::string, size_t> shown;
  while (true) {
    const auto execution = api.get("/executions/" + percent_encode(id));
    if (!execution) return report(execution.error());
    print_news(*execution, shown, 0);
    if (!(*execution)["children"].empty()) {
      const auto children = api.get("/executions/" + (*execution)["id"].string() + "/children");
      if (!children) return report(children.error());
      for (const Value& child : children->as_list())
        print_news(child, shown, depth_of(child, (*execution)["id"].string()));
    }
    if (model::is_final((*execution)["status"].string_or(""))) {
      print_output(*execution);
      return exit_code(*execution);
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

int run_action(ApiClient& api, const Format& format, const RunArguments& arguments) {
  const auto schema = api.get("/actions/views/parameters/" + percent_encode(arguments.action));
  if (!schema) return report(schema.error());
  const auto parameters = parse_parameters(arguments.parameters, (*schema)["parameters"]);
  if (!parameters) return report(parameters.error());
  const auto requested =
      api.post("/executions", Value::dict({{"action", arguments.action}, {"parameters", *parameters}}));
  if (!requested) return report(requested.error());
  const std::string id = (*requested)["id"].string();
  if (!arguments.wait) {
    if (format.is_table()) {
      std::printf("%s\n", id.c_str());
    } else {
      print_one(format, *requested, kFields);
    }
    return 0;
  }
  while (true) {
    const auto execution = api.get("/executions/" + id);
    if (!execution) return report(execution.error());
    const std::string status = (*execution)["status"].string();
    if (model::is_final(status) || status == model::status::kPaused || status == model::status::kPending) {
      print_one(format, *execution, kFields);
      if (format.is_table()) print_tasks(api, *execution);
      return exit_code(*execution);
    }
    std::this_thread::sleep_for(kPollInterval / 5);
  }
}

int rerun_execution(ApiClient& api, const Format& format, const RerunArguments& arguments) {
  const auto parameters = parse_parameters(arguments.parameters, Value());
  if (!parameters) return report(parameters.error());
  Value body = Value::dict({{"parameters", *parameters}});
  if (!arguments.tasks.empty()) {
    body.set("tasks", list_of(arguments.tasks));
    std::vector<std::string> reset;
    for (const std::string& task : arguments.tasks) {
      if (std::find(arguments.no_reset.begin(), arguments.no_reset.end(), task) == arguments.no_reset.end())
        reset.push_back(task);
    }
    body.set("reset", list_of(reset));
  }
  const auto started = api.post("/executions/" + percent_encode(arguments.id) + "/re_run", body);
  if (!started) return report(started.error());
  if (format.is_table()) {
    std::printf("%s\n", (*started)["id"].string().c_str());
  } else {
    print_one(format, *started, kFields);
  }
  return 0;
}

int print_logs(ApiClient& api, const std::string& id) {
  const auto output = api.get("/executions/" + percent_encode(id) + "/output", {{"output_format", "raw"}});
  if (!output) return report(output.error());
  const std::string text = cell_text(*output);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!text.empty() && text.back() != '\n') std::fputc('\n', stdout);
  return 0;
}

int cancel_execution(ApiClient& api, const std::string& id) {
  const auto execution = api.remove("/executions/" + percent_encode(id));
  if (!execution) return report(execution.error());
  if ((*execution)["faultstring"].is_string())
    return report(Error(ErrorCode::kInvalid, (*execution)["faultstring"].string()));
  std::printf("%s is %s\n", id.c_str(), (*execution)["status"].string().c_str());
  return 0;
}

int change_execution(ApiClient& api, const std::string& id, const std::string& status) {
  const auto execution = api.put("/executions/" + percent_encode(id), Value::dict({{"status", status}}));
  if (!execution) return report(execution.error());
  std::printf("%s is %s\n", id.c_str(), (*execution)["status"].string().c_str());
  return 0;
}

int explain_trigger_instance(ApiClient& api, const Format& format, const std::string& id) {
  const auto explained = api.get("/triggerinstances/" + percent_encode(id) + "/explain");
  if (!explained) return report(explained.error());
  if (!format.is_table()) {
    print_one(format, *explained, {});
    return 0;
  }
  std::printf("trigger instance %s of %s at %s\n", (*explained)["trigger_instance"].string().c_str(),
              (*explained)["trigger"].string().c_str(), (*explained)["occurrence_time"].string().c_str());
  if ((*explained)["rules"].empty()) std::printf("No rules are registered.\n");
  for (const Value& rule : (*explained)["rules"].is_list() ? (*explained)["rules"].as_list() : List()) {
    std::printf("%s %s: %s\n", rule["matched"].bool_or(false) ? "match   " : "no match", rule["rule"].string().c_str(),
                rule["reason"].string().c_str());
    for (const Value& criterion : rule["criteria"].is_list() ? rule["criteria"].as_list() : List()) {
      std::printf("    %s %s %s  pattern %s  value %s%s\n", criterion["matched"].bool_or(false) ? "yes" : "no ",
                  criterion["criterion"].string().c_str(), criterion["type"].string().c_str(),
                  to_json(criterion["pattern"]).c_str(), to_json(criterion["value"]).c_str(),
                  criterion["error"].is_string() ? ("  error: " + criterion["error"].string()).c_str() : "");
    }
  }
  return 0;
}

}  // namespace squall::cli
