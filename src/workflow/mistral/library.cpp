#include "workflow/mistral/library.hpp"

#include <charconv>

#include "base/strings.hpp"
#include "value/python.hpp"
#include "value/yaml.hpp"
#include "workflow/mistral/schemas.hpp"

namespace squall::workflow::mistral {

namespace {

constexpr std::string_view kKindNames[] = {"workflow", "workbook", "actions"};

tl::unexpected<Error> failed(std::string_view type, std::string message) {
  return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type(std::string(type)));
}

template <typename Map>
const typename Map::mapped_type* find_in(const Map& map, std::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : &found->second;
}

// A member of a list of workflows or actions, with the names that Mistral gives it.
Value named(const Value& document, std::string_view name) {
  Value member = document;
  if (member.is_dict()) {
    member.set("name", Value(name));
    member.set("version", Value("2.0"));
  }
  return member;
}

Status check_version(const Value& version) {
  if (version.is_null()) return {};
  const std::string text = python::str(version);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number == 2.0) return {};
  return failed("DSLParsingException", "Unsupported DSL version: " + text);
}

}  // namespace

struct Library::Batch {
  std::vector<Definition> workflows;
  std::vector<std::pair<std::string, ActionSpec>> actions;
};

DocumentKind guess_kind(const Value& document) {
  if (document["workflows"].is_dict() && !document["workflows"].contains("tasks")) return DocumentKind::kWorkbook;
  if (document["actions"].is_dict() && !document["actions"].contains("tasks") && !document["actions"].contains("base"))
    return DocumentKind::kWorkbook;
  if (document.is_dict()) {
    for (const auto& [name, member] : document.as_dict()) {
      if (member.is_dict() && member.contains("base")) return DocumentKind::kActions;
    }
  }
  return DocumentKind::kWorkflows;
}

Status Library::read(DocumentKind kind, const Value& document, std::string* at, Batch& batch) const {
  const auto enter = [&](std::string_view first, std::string_view second = {}) {
    *at = std::string(first) + (second.empty() ? "" : "." + std::string(second));
  };
  const auto add_workflow = [&](const Value& written, const std::string& name, const std::string& workbook) -> Status {
    std::string inside;
    auto spec = parse_workflow(named(written, name), &inside);
    if (!inside.empty()) *at += "." + inside;
    if (!spec) return fail(spec.error());
    batch.workflows.push_back({workbook.empty() ? name : workbook + "." + name, workbook,
                               std::make_shared<const WorkflowSpec>(*std::move(spec))});
    return {};
  };
  const auto add_action = [&](const Value& written, const std::string& name, const std::string& full) -> Status {
    std::string inside;
    auto spec = parse_action(named(written, name), &inside);
    if (!inside.empty()) *at += "." + inside;
    if (!spec) return fail(spec.error());
    spec->name = full;
    batch.actions.emplace_back(full, *std::move(spec));
    return {};
  };

  if (kind == DocumentKind::kWorkbook) {
    if (document.is_dict()) SQ_CHECK(check_version(document["version"]));
    SQ_CHECK(check_schema(Schema::kWorkbook, document, at));
    const std::string workbook = document["name"].string();
    for (const std::string_view section : {"actions", "workflows"}) {
      if (!document[section].is_dict()) continue;
      for (const auto& [name, member] : document[section].as_dict()) {
        if (name == "version") continue;
        enter(section, name);
        SQ_CHECK(section == "actions" ? add_action(member, name, workbook + "." + name)
                                      : add_workflow(member, name, workbook));
      }
    }
    return {};
  }
  SQ_CHECK(check_schema(Schema::kWorkflowFile, document, at));
  if (document.size() < 2) {
    return failed("InvalidModelException",
                  "At least one item must be in the list [data=" + python::repr(document) + "].");
  }
  for (const auto& [name, member] : document.as_dict()) {
    if (name == "version") continue;
    enter(name);
    SQ_CHECK(kind == DocumentKind::kActions ? add_action(member, name, name) : add_workflow(member, name, ""));
  }
  return {};
}

Status Library::upload(DocumentKind kind, std::string_view text, std::string_view file) {
  YamlProblem problem;
  YamlOptions options;
  options.file = std::string(file);
  options.problem = &problem;
  auto parsed = parse_yaml_document(text, options);
  if (!parsed) {
    const std::string words = problem.problem.empty() ? parsed.error().message() : problem.text("<unicode string>");
    return fail(Error(ErrorCode::kInvalid, "Definition could not be parsed: " + words, parsed.error().where())
                    .with_type("DSLParsingException"));
  }
  const Value document = parsed->value.truthy() ? parsed->value : Value::empty_dict();
  std::string at;
  Batch batch;
  if (const Status status = read(kind, document, &at, batch); !status) {
    const Error& cause = status.error();
    return fail(Error(cause.code(), cause.message(), parsed->position(at)).with_type(cause.type()));
  }
  uploaded_.clear();
  for (Definition& definition : batch.workflows) {
    uploaded_.push_back(definition.name);
    workflows_[definition.name] = std::move(definition);
  }
  for (auto& [name, action] : batch.actions) actions_[name] = std::move(action);
  documents_.push_back(Value::dict({{"kind", kKindNames[static_cast<size_t>(kind)]}, {"text", text}}));
  return {};
}

void Library::set_environment(std::string name, Value variables) {
  documents_.push_back(Value::dict({{"kind", "environment"}, {"name", name}, {"variables", variables}}));
  environments_[std::move(name)] = std::move(variables);
}

Result<Library> Library::from_documents(const Value& documents) {
  Library library;
  if (!documents.is_list()) return library;
  for (const Value& document : documents.as_list()) {
    const std::string kind = document["kind"].string();
    if (kind == "environment") {
      library.set_environment(document["name"].string(), document["variables"]);
      continue;
    }
    const DocumentKind known = kind == kKindNames[1]   ? DocumentKind::kWorkbook
                               : kind == kKindNames[2] ? DocumentKind::kActions
                                                       : DocumentKind::kWorkflows;
    SQ_CHECK(library.upload(known, document["text"].string_or("")));
  }
  return library;
}

const Definition* Library::find_workflow(std::string_view name) const { return find_in(workflows_, name); }

const Definition* Library::find_workflow(std::string_view name, std::string_view workbook) const {
  if (!workbook.empty()) {
    if (const Definition* own = find_in(workflows_, std::string(workbook) + "." + std::string(name))) return own;
  }
  return find_in(workflows_, name);
}

const ActionSpec* Library::find_action(std::string_view name) const { return find_in(actions_, name); }

const ActionSpec* Library::find_action(std::string_view name, std::string_view workbook) const {
  if (!workbook.empty()) {
    if (const ActionSpec* own = find_in(actions_, std::string(workbook) + "." + std::string(name))) return own;
  }
  return find_in(actions_, name);
}

const Value* Library::find_environment(std::string_view name) const { return find_in(environments_, name); }

}  // namespace squall::workflow::mistral
