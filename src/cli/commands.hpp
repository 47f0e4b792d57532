// The client commands. Each returns its exit code (cli.hpp) and prints errors itself.
#pragma once

#include <string>
#include <vector>

#include "cli/api_client.hpp"
#include "cli/output.hpp"

namespace squall::cli {

struct ListArguments {
  int limit = 50;
  std::vector<std::pair<std::string, std::string>> filters;  // query parameters
};

struct RunArguments {
  std::string action;
  std::vector<std::string> parameters;  // "name=value"
  bool wait = true;
};

// Kinds with plain list and get: "action", "rule", "trigger", "trigger-type", "trigger-instance", "rule-enforcement",
// "pack", "sensor", "runner".
int list_resources(ApiClient& api, Format format, const std::string& kind, const ListArguments& arguments);
int get_resource(ApiClient& api, Format format, const std::string& kind, const std::string& id);

int run_action(ApiClient& api, Format format, const RunArguments& arguments);
int list_executions(ApiClient& api, Format format, const ListArguments& arguments);
int get_execution(ApiClient& api, Format format, const std::string& id);
// Follows an execution to its end: every state change of it and its tasks as they happen, output of actions.
int tail_execution(ApiClient& api, const std::string& id);
int cancel_execution(ApiClient& api, const std::string& id);
int change_execution(ApiClient& api, const std::string& id, const std::string& status);

int enable_sensor(ApiClient& api, const std::string& id, bool enabled);
int register_packs(ApiClient& api, Format format, const std::vector<std::string>& packs);
int explain_trigger_instance(ApiClient& api, Format format, const std::string& id);

// Prints "squall: message" to standard error; the exit code 1.
int report(const Error& error);
// "name=value" texts as typed parameters of an action, by its schema: numbers, true/false, JSON, comma lists, key=value
// pairs.
Result<Value> parse_parameters(const std::vector<std::string>& texts, const Value& schema);

}  // namespace squall::cli
