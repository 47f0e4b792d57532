// The client commands. Each returns its exit code (cli.hpp) and prints errors itself.
#pragma once

#include <string>
#include <vector>

#include "cli/api_client.hpp"
#include "cli/output.hpp"

namespace squall::cli {

// What a command ends with.
inline constexpr int kExitFailed = 1;      // the command failed, or the execution that it ran
inline constexpr int kExitUsage = 2;       // a wrong command line
inline constexpr int kExitNotFound = 3;    // no such thing
inline constexpr int kExitNotAllowed = 4;  // no or bad credentials, or not allowed
inline constexpr int kExitNoServer = 5;    // the server does not answer
inline constexpr int kExitTimeout = 6;     // the execution ran into its timeout, or waiting did
inline constexpr int kExitWaits = 8;       // the execution is paused or waits for an answer
inline constexpr int kExitFindings = 9;    // diff found differences, doctor found something to mend

int exit_code_of(const Error& error);

struct ListArguments {
  int limit = 50;
  std::vector<std::pair<std::string, std::string>> filters;  // query parameters
};

struct RunArguments {
  std::string action;
  std::vector<std::string> parameters;  // "name=value"
  bool wait = true;
};

struct RerunArguments {
  std::string id;
  std::vector<std::string> tasks;       // of a workflow; empty: all of it
  std::vector<std::string> no_reset;    // tasks with items that keep those that succeeded
  std::vector<std::string> parameters;  // "name=value", instead of those of the first run
};

// Of the kinds of cli/kinds.hpp.
int list_resources(ApiClient& api, const Format& format, const std::string& kind, const ListArguments& arguments);
int get_resource(ApiClient& api, const Format& format, const std::string& kind, const std::string& id);

int run_action(ApiClient& api, const Format& format, const RunArguments& arguments);
int list_executions(ApiClient& api, const Format& format, const ListArguments& arguments);
int get_execution(ApiClient& api, const Format& format, const std::string& id);
// Follows an execution to its end: every state change of it and its tasks as they happen, output of actions.
int tail_execution(ApiClient& api, const std::string& id);
int cancel_execution(ApiClient& api, const std::string& id);
int change_execution(ApiClient& api, const std::string& id, const std::string& status);

int rerun_execution(ApiClient& api, const Format& format, const RerunArguments& arguments);
// What an execution has written so far, as it was written.
int print_logs(ApiClient& api, const std::string& id);

int enable_sensor(ApiClient& api, const std::string& id, bool enabled);
int register_packs(ApiClient& api, const Format& format, const std::vector<std::string>& packs);
int explain_trigger_instance(ApiClient& api, const Format& format, const std::string& id);

// Prints "squall: message" to standard error; the exit code of the error.
int report(const Error& error);
Value list_of(const std::vector<std::string>& texts);
// "name=value" texts as typed parameters of an action, by its schema: numbers, true/false, JSON, comma lists, key=value
// pairs.
Result<Value> parse_parameters(const std::vector<std::string>& texts, const Value& schema);

}  // namespace squall::cli
