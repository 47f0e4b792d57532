#include "cli/commands_content.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/input.hpp"
#include "cli/kinds.hpp"
#include "model/execution.hpp"
#include "rules/criteria.hpp"
#include "value/json.hpp"
#include "value/yaml.hpp"

namespace squall::cli {
namespace {

struct Document {
  std::string file;
  const Kind* kind = nullptr;
  std::string ref;
  Value content;
};

Result<std::vector<Value>> read_documents(const std::string& file) {
  SQ_TRY(const std::string text, read_input(file));
  auto documents = parse_yaml_all(text);
  if (!documents) return fail(documents.error().with_context(file));
  return documents;
}

Result<Value> read_document(const std::string& file) {
  SQ_TRY(auto documents, read_documents(file));
  if (documents.size() == 1 && documents.front().is_dict()) return std::move(documents.front());
  return fail(ErrorCode::kInvalid, file + ": one document, an object, is expected");
}

const char* kind_name(const Value& content) {
  if (content["policy_type"].is_string()) return "policy";
  if (content["runner_type"].is_string()) return "action";
  if (content.contains("formats")) return "action-alias";
  return content.contains("trigger") && content.contains("action") ? "rule" : nullptr;
}

Result<std::vector<std::string>> files_of(const std::vector<std::string>& names) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& name : names) {
    std::error_code error;
    if (name == "-" || !fs::is_directory(name, error)) {
      files.push_back(name);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(name, error)) {
      const std::string extension = entry.path().extension();
      if (extension == ".yaml" || extension == ".yml" || extension == ".json") found.push_back(entry.path());
    }
    if (error) return fail(ErrorCode::kIo, "cannot read the directory '" + name + "': " + error.message());
    if (found.empty()) return fail(ErrorCode::kNotFound, "'" + name + "' has no .yaml, .yml or .json file");
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

Result<std::vector<Document>> load(const std::vector<std::string>& names) {
  SQ_TRY(const auto files, files_of(names));
  std::vector<Document> loaded;
  for (const std::string& file : files) {
    SQ_TRY(auto documents, read_documents(file));
    for (Value& content : documents) {
      if (content.is_null()) continue;
      const char* kind = content.is_dict() ? kind_name(content) : nullptr;
      if (kind == nullptr) {
        return fail(ErrorCode::kInvalid,
                    file +
                        ": this is no rule (trigger and action), action (runner_type), policy (policy_type) or alias "
                        "(formats)");
      }
      if (!content["name"].is_string()) return fail(ErrorCode::kInvalid, file + ": it has no name");
      if (!content["pack"].is_string()) content.set("pack", "default");
      const std::string ref = content["pack"].string() + "." + content["name"].string();
      loaded.push_back({file, find_kind(kind), ref, std::move(content)});
    }
  }
  return loaded;
}

std::string path_of(const Document& document) { return resource_path(*document.kind, document.ref); }

// What the server has; null when it has nothing.
Result<Value> stored(ApiClient& api, const Document& document) {
  auto found = api.get(path_of(document));
  if (!found && found.error().code() == ErrorCode::kNotFound) return Value();
  return found;
}

struct Difference {
  std::string path;
  Value before, after;
};

// Members that the file has and the server has otherwise. The server fills in what a file leaves out.
void compare(const std::string& path, const Value& before, const Value& after, std::vector<Difference>& found) {
  if (after.is_dict() && before.is_dict()) {
    for (const auto& [key, value] : after.as_dict()) {
      compare(path.empty() ? key : path + "." + key, before[key], value, found);
    }
    return;
  }
  if (to_json(before) != to_json(after)) found.push_back({path, before, after});
}

std::vector<Difference> differences(const Value& before, const Value& after) {
  std::vector<Difference> found;
  compare("", before.is_null() ? Value::empty_dict() : before, after, found);
  return found;
}

// The whole of what is stored, with the members of the file: PUT replaces.
Value merged(const Value& before, const Value& after) {
  Value whole = before;
  for (const auto& [key, value] : after.as_dict()) whole.set(key, value);
  return whole;
}

void say(const Document& document, const char* what, bool dry_run) {
  std::printf("%s/%s %s%s\n", document.kind->name, document.ref.c_str(), what, dry_run ? " (dry run)" : "");
}

Status apply_one(ApiClient& api, const Document& document, bool dry_run) {
  SQ_TRY(const Value before, stored(api, document));
  if (before.is_null()) {
    if (!dry_run) SQ_CHECK(api.post(document.kind->path, document.content));
    say(document, "created", dry_run);
    return {};
  }
  if (differences(before, document.content).empty()) {
    say(document, "unchanged", dry_run);
    return {};
  }
  if (!dry_run) SQ_CHECK(api.put(path_of(document), merged(before, document.content)));
  say(document, "configured", dry_run);
  return {};
}

}  // namespace

int apply_files(ApiClient& api, const ApplyArguments& arguments) {
  // All are read before anything is sent: a mistake in the last file must not leave half of them applied.
  const auto documents = load(arguments.files);
  if (!documents) return report(documents.error());
  for (const Document& document : *documents) {
    const Status applied = apply_one(api, document, arguments.dry_run);
    if (!applied) return report(applied.error().with_context(document.file + ": " + document.ref));
  }
  return 0;
}

int diff_files(ApiClient& api, const std::vector<std::string>& files) {
  const auto documents = load(files);
  if (!documents) return report(documents.error());
  bool any = false;
  for (const Document& document : *documents) {
    const auto before = stored(api, document);
    if (!before) return report(before.error());
    const auto found = differences(*before, document.content);
    if (found.empty()) continue;
    any = true;
    std::printf("%s/%s%s\n", document.kind->name, document.ref.c_str(), before->is_null() ? " (new)" : "");
    for (const Difference& difference : found) {
      if (!difference.before.is_null()) {
        std::printf("- %s: %s\n", difference.path.c_str(), to_json(difference.before).c_str());
      }
      std::printf("+ %s: %s\n", difference.path.c_str(), to_json(difference.after).c_str());
    }
  }
  return any ? kExitFindings : 0;
}

int create_resource(ApiClient& api, const Format& format, const std::string& kind_name, const std::string& file) {
  const Kind& kind = kind_of(kind_name);
  const auto content = read_document(file);
  if (!content) return report(content.error());
  const auto made = api.post(kind.path, *content);
  if (!made) return report(made.error());
  // An API key is told this once.
  if (format.is_table() && (*made)["key"].is_string()) std::printf("key: %s\n", (*made)["key"].string().c_str());
  print_one(format, *made, kind.fields);
  return 0;
}

int update_resource(ApiClient& api, const Format& format, const std::string& kind_name, const std::string& id,
                    const std::string& file) {
  const Kind& kind = kind_of(kind_name);
  const auto content = read_document(file);
  if (!content) return report(content.error());
  const auto changed = api.put(resource_path(kind, id), *content);
  if (!changed) return report(changed.error());
  print_one(format, *changed, kind.fields);
  return 0;
}

int delete_resources(ApiClient& api, const std::string& kind_name, const std::vector<std::string>& ids, bool dry_run) {
  const Kind& kind = kind_of(kind_name);
  int code = 0;
  for (const std::string& id : ids) {
    const std::string path = resource_path(kind, id);
    const auto done = dry_run ? api.get(path) : api.remove(path);
    if (!done) {
      code = report(done.error());
      continue;
    }
    std::printf("%s/%s deleted%s\n", kind.name, id.c_str(), dry_run ? " (dry run)" : "");
  }
  return code;
}

int enable_resource(ApiClient& api, const std::string& kind_name, const std::string& id, bool enabled) {
  const Kind& kind = kind_of(kind_name);
  const std::string path = resource_path(kind, id);
  auto document = api.get(path);
  if (!document) return report(document.error());
  document->set("enabled", enabled);
  const auto changed = api.put(path, *document);
  if (!changed) return report(changed.error());
  std::printf("%s/%s is %s\n", kind.name, id.c_str(), enabled ? "enabled" : "disabled");
  return 0;
}

int get_key(ApiClient& api, const Format& format, const KeyArguments& arguments) {
  const auto pair = api.get("/keys/" + percent_encode(arguments.name),
                            {{"scope", arguments.scope}, {"decrypt", arguments.decrypt ? "true" : "false"}});
  if (!pair) return report(pair.error());
  print_one(format, *pair, kind_of("key").fields);
  return 0;
}

int set_key(ApiClient& api, const Format& format, const KeyArguments& arguments) {
  std::string value = arguments.value;
  if (value == "-") {
    value = read_standard_input();
    if (value.ends_with('\n')) value.pop_back();
  }
  Value body = Value::dict({{"name", arguments.name}, {"value", value}, {"scope", arguments.scope}});
  if (arguments.encrypt) body.set("secret", true);
  if (arguments.ttl_seconds > 0) body.set("ttl", int64_t{arguments.ttl_seconds});
  const auto pair = api.put("/keys/" + percent_encode(arguments.name), body);
  if (!pair) return report(pair.error());
  print_one(format, *pair, kind_of("key").fields);
  return 0;
}

int delete_key(ApiClient& api, const KeyArguments& arguments) {
  const auto removed =
      api.remove("/keys/" + percent_encode(arguments.name) + "?scope=" + percent_encode(arguments.scope));
  if (!removed) return report(removed.error());
  std::printf("key/%s deleted\n", arguments.name.c_str());
  return 0;
}

int respond_inquiry(ApiClient& api, const std::string& id, const std::vector<std::string>& answers) {
  const std::string path = "/inquiries/" + percent_encode(id);
  const auto inquiry = api.get(path);
  if (!inquiry) return report(inquiry.error());
  const auto response = parse_parameters(answers, (*inquiry)["schema"]["properties"]);
  if (!response) return report(response.error());
  const auto answered = api.put(path, Value::dict({{"id", id}, {"response", *response}}));
  if (!answered) return report(answered.error());
  std::printf("inquiry/%s answered\n", id.c_str());
  return 0;
}

int execute_alias(ApiClient& api, const Format& format, const std::string& command) {
  const auto done = api.post("/aliasexecution/match_and_execute",
                             Value::dict({{"command", command}, {"user", ""}, {"source_channel", "cli"}}));
  if (!done) return report(done.error());
  if (!format.is_table()) {
    print_one(format, *done, {});
    return 0;
  }
  for (const Value& result : (*done)["results"].is_list() ? (*done)["results"].as_list() : List()) {
    if (result["message"].is_string()) std::fprintf(stderr, "%s\n", result["message"].string().c_str());
    std::printf("%s\n", result["execution"]["id"].string().c_str());
  }
  return 0;
}

int test_rule(const Format& format, const RuleTestArguments& arguments) {
  const auto rule = read_document(arguments.rule);
  if (!rule) return report(rule.error());
  const auto event = read_document(arguments.event);
  if (!event) return report(event.error());
  const auto criteria = rules::CompiledCriteria::compile((*rule)["criteria"]);
  if (!criteria) return report(criteria.error().with_context(arguments.rule));
  // As an event's record has it, or the payload alone.
  const Value& payload = event->contains("payload") && event->contains("trigger") ? (*event)["payload"] : *event;
  const rules::Verdict verdict = criteria->evaluate({payload, Value(), Clock::system().now()}, true);

  Value shown = Value::empty_list();
  for (const rules::CriterionOutcome& outcome : verdict.outcomes) {
    Value row = Value::dict({{"criterion", outcome.key},
                             {"type", outcome.operator_name},
                             {"pattern", outcome.pattern},
                             {"value", outcome.value},
                             {"matched", outcome.matched}});
    if (outcome.error) row.set("error", outcome.error->message());
    shown.push_back(std::move(row));
  }
  if (format.is_table()) {
    std::printf("%s\n", verdict.matched ? "match" : "no match");
    if (!shown.empty()) {
      print_list(format, shown,
                 {{"MATCHED", "matched"},
                  {"CRITERION", "criterion"},
                  {"TYPE", "type"},
                  {"PATTERN", "pattern"},
                  {"VALUE", "value"},
                  {"ERROR", "error"}},
                 "criteria", -1);
    }
  } else {
    print_one(format, Value::dict({{"matched", verdict.matched}, {"criteria", shown}}), {});
  }
  const std::string expected = arguments.expected.empty() ? "match" : arguments.expected;
  return (expected == "match") == verdict.matched ? 0 : kExitFailed;
}

}  // namespace squall::cli
