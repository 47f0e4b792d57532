#include "cli/pack_commands.hpp"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <thread>

#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "model/execution.hpp"

namespace squall::cli {
namespace {

namespace fs = std::filesystem;

constexpr auto kPollInterval = std::chrono::milliseconds(250);
const std::vector<Column> kPackFields = {
    {"ref", "ref"}, {"name", "name"}, {"description", "description"}, {"version", "version"}, {"author", "author"}};
const std::vector<Column> kPackColumns = {
    {"NAME", "name"}, {"VERSION", "version"}, {"AUTHOR", "author"}, {"DESCRIPTION", "description"}};

std::string task_name(const Value& execution) {
  const std::string& in_workflow = execution["context"]["orquesta"]["task_name"].string();
  if (!in_workflow.empty()) return in_workflow;
  const std::string& in_chain = execution["context"]["chain"]["name"].string();
  return in_chain.empty() ? execution["action"]["ref"].string() : in_chain;
}

// Why a task failed, as short as it is known.
std::string failure_of(const Value& execution) {
  const Value& result = execution["result"];
  if (result["error"].is_string()) return result["error"].string();
  std::string last;
  for (const std::string& line : split(result["stderr"].string_or(""), '\n')) {
    if (!trim(line).empty()) last = trim(line);
  }
  return last;
}

struct Ended {
  Value execution;
  std::string reason;  // of a failure
};

// Follows a workflow to its end and tells of each of its tasks.
Result<Ended> follow(ApiClient& api, const std::string& id, bool tell) {
  std::map<std::string, std::string> told;  // by execution
  Ended ended;
  while (true) {
    SQ_TRY(ended.execution, api.get("/executions/" + percent_encode(id)));
    SQ_TRY(const Value children, api.get("/executions/" + percent_encode(id) + "/children"));
    for (size_t i = 0; i < children.size(); ++i) {
      const Value& child = children[i];
      std::string state = child["status"].string();
      if (child["result"]["waiting"].is_string()) state += ": " + child["result"]["waiting"].string();
      if (child["status"].string_or("") == model::status::kFailed) ended.reason = failure_of(child);
      std::string& before = told[child["id"].string()];
      if (before == state) continue;
      before = state;
      if (tell) std::fprintf(stderr, "  %s %s\n", task_name(child).c_str(), state.c_str());
    }
    if (model::is_final(ended.execution["status"].string_or(""))) return ended;
    std::this_thread::sleep_for(kPollInterval);
  }
}

int tell_failure(const Ended& ended, const std::string& what) {
  std::string reason = ended.reason.empty() ? failure_of(ended.execution) : ended.reason;
  const Value& output = ended.execution["result"]["output"];
  if (output["message"].is_string() && !output["message"].empty()) reason = output["message"].string();
  for (size_t i = 0; i < output["conflict_list"].size(); ++i) reason += "\n  " + cell_text(output["conflict_list"][i]);
  return report(Error(ErrorCode::kInvalid, what + (reason.empty() ? "" : ": " + reason) + "\n(squall execution get " +
                                               ended.execution["id"].string() + " has all of it)"));
}

// Splits "SPEC=VERSION"; the version is empty when there is none.
std::string absolute_if_here(const std::string& spec) {
  if (spec.find("://") != std::string::npos) return spec;
  const size_t equals = spec.rfind('=');
  const std::string path = spec.substr(0, equals);
  const std::string version = equals == std::string::npos ? "" : spec.substr(equals);
  std::error_code failed;
  const bool is_path = path.find('/') != std::string::npos || path.starts_with(".");
  if (!is_path || !fs::exists(path, failed)) return spec;
  const fs::path absolute = fs::absolute(path, failed).lexically_normal();
  return failed ? spec : absolute.string() + version;
}

}  // namespace

int install_packs(ApiClient& api, const Format& format, const InstallArguments& arguments) {
  std::vector<std::string> packs;
  for (const std::string& pack : arguments.packs) packs.push_back(absolute_if_here(pack));
  const auto requested = api.post("/packs/install", Value::dict({{"packs", list_of(packs)},
                                                                 {"force", arguments.force},
                                                                 {"skip_dependencies", arguments.skip_dependencies}}));
  if (!requested) return report(requested.error());
  const auto ended = follow(api, (*requested)["execution_id"].string(), format.is_table());
  if (!ended) return report(ended.error());
  if (ended->execution["status"].string_or("") != model::status::kSucceeded)
    return tell_failure(*ended, "the packs were not installed");
  const Value& output = ended->execution["result"]["output"];
  Value installed = Value::empty_list();
  for (size_t i = 0; i < output["packs_list"].size(); ++i) {
    const auto pack = api.get("/packs/" + percent_encode(output["packs_list"][i].string()));
    if (pack) installed.push_back(*pack);
  }
  if (installed.size() == 1) {
    print_one(format, installed[0], kPackFields);
  } else {
    print_list(format, installed, kPackColumns, "packs", -1);
  }
  for (size_t i = 0; i < output["warning_list"].size(); ++i)
    std::fprintf(stderr, "%s\n", cell_text(output["warning_list"][i]).c_str());
  return 0;
}

int remove_packs(ApiClient& api, const Format& format, const std::vector<std::string>& packs) {
  for (const std::string& pack : packs) {
    if (const auto known = api.get("/packs/" + percent_encode(pack)); !known) return report(known.error());
  }
  const auto requested = api.post("/packs/uninstall", Value::dict({{"packs", list_of(packs)}}));
  if (!requested) return report(requested.error());
  const auto ended = follow(api, (*requested)["execution_id"].string(), format.is_table());
  if (!ended) return report(ended.error());
  if (ended->execution["status"].string_or("") != model::status::kSucceeded)
    return tell_failure(*ended, "the packs were not removed");
  if (!format.is_table()) {
    print_one(format, ended->execution, {});
  } else {
    for (const std::string& pack : packs) std::printf("%s is removed\n", pack.c_str());
  }
  return 0;
}

int search_index(ApiClient& api, const Format& format, const std::string& query) {
  const auto found = api.post("/packs/index/search", Value::dict({{"query", query}}));
  if (!found) return report(found.error());
  print_list(format, *found, kPackColumns, "packs", -1);
  return 0;
}

int show_in_index(ApiClient& api, const Format& format, const std::string& pack) {
  const auto found = api.post("/packs/index/search", Value::dict({{"pack", pack}}));
  if (!found) return report(found.error());
  if (!found->is_dict() || found->empty())
    return report(Error(ErrorCode::kNotFound, "no index has a pack \"" + pack + "\"; squall pack search finds packs"));
  std::vector<Column> fields;
  for (const auto& [name, value] : found->as_dict()) fields.push_back({name, name});
  print_one(format, *found, fields);
  return 0;
}

int test_pack(ApiClient& api, const TestArguments& arguments, const std::string& share) {
  std::string directory = arguments.pack, python = arguments.python, ref;
  std::error_code failed;
  if (fs::is_directory(directory, failed)) {
    directory = fs::absolute(directory, failed).lexically_normal().string();
    while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
    ref = fs::path(directory).filename().string();
  } else {
    const auto pack = api.get("/packs/" + percent_encode(arguments.pack));
    if (!pack) return report(pack.error());
    ref = (*pack)["ref"].string();
    directory = (*pack)["path"].string();
  }
  if (python.empty()) {
    python = "python3";
    // Without a server the pack's own libraries have to be where python3 finds them.
    if (const auto where = api.get("/squall/pack_directories"); where) {
      const std::string of_pack = (*where)["virtualenvs"].string() + "/" + ref + "/bin/python";
      if (fs::exists(of_pack, failed)) python = of_pack;
    }
  }
  std::vector<std::string> command = {python, share + "/python/squall_runner/run_tests.py", directory};
  command.insert(command.end(), arguments.more.begin(), arguments.more.end());
  std::vector<char*> pointers;
  for (std::string& argument : command) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  ::execvp(pointers[0], pointers.data());
  return report(Error(ErrorCode::kNotFound, python + " cannot be started: " + strerror(errno)));
}

}  // namespace squall::cli
