// What has been uploaded before a workflow starts: workflows, workbooks, ad-hoc actions, environments, by name.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "workflow/mistral/spec.hpp"

namespace squall::workflow::mistral {

// A workflow under the name it is started by.
struct Definition {
  std::string name;      // "wb.main" for a workbook's member
  std::string workbook;  // empty for workflows of their own
  std::shared_ptr<const WorkflowSpec> spec;
};

enum class DocumentKind { kWorkflows, kWorkbook, kActions };
// What a file holds: a workbook has `workflows` or `actions` at its top, an action has a `base`.
DocumentKind guess_kind(const Value& document);

// To be filled before the run that uses it, and unchanged from then on; a replay needs the same one again. documents()
// and from_documents() let it be kept beside the run.
class Library {
 public:
  // All of the text or nothing. The error has Mistral's exception class as type() ("DSLParsingException",
  // "InvalidModelException", "YaqlGrammarException", ...), its words, and file, line and column of the fault.
  Status upload(DocumentKind kind, std::string_view text, std::string_view file = {});
  void set_environment(std::string name, Value variables);

  const Definition* find_workflow(std::string_view name) const;
  // As find_workflow(), with the names of a workbook's own members first.
  const Definition* find_workflow(std::string_view name, std::string_view workbook) const;
  const ActionSpec* find_action(std::string_view name) const;
  const ActionSpec* find_action(std::string_view name, std::string_view workbook) const;
  const Value* find_environment(std::string_view name) const;
  // Names of the workflows that the last upload() brought, in the order of the text.
  const std::vector<std::string>& uploaded() const { return uploaded_; }

  Value documents() const { return Value(documents_); }
  static Result<Library> from_documents(const Value& documents);

 private:
  struct Batch;
  Status read(DocumentKind kind, const Value& document, std::string* at, Batch& batch) const;

  std::map<std::string, Definition, std::less<>> workflows_;
  std::map<std::string, ActionSpec, std::less<>> actions_;
  std::map<std::string, Value, std::less<>> environments_;
  std::vector<std::string> uploaded_;
  List documents_;
};

}  // namespace squall::workflow::mistral
