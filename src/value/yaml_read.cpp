#include <fmt/format.h>

#include "base/strings.hpp"
#include "value/yaml.hpp"
#include "value/yaml_nodes.hpp"

namespace squall {

std::string YamlProblem::text(std::string_view file) const {
  if (type == "ReaderError") return replace_all(problem, "<unicode string>", file);
  const auto place = [&](const std::pair<int, int>& mark) {
    return fmt::format("  in \"{}\", line {}, column {}", file, mark.first + 1, mark.second + 1);
  };
  std::vector<std::string> lines;
  if (!context.empty()) lines.push_back(context);
  if (context_mark && context_mark != problem_mark) lines.push_back(place(*context_mark));
  lines.push_back(problem);
  if (problem_mark) lines.push_back(place(*problem_mark));
  return join(lines, "\n");
}

Result<Value> parse_yaml(std::string_view text, const YamlOptions& options) {
  SQ_TRY(std::deque<yaml::Document> documents, yaml::compose(text, options, true));
  if (documents.empty()) return Value();
  return yaml::construct(documents.front(), options);
}

Result<std::vector<Value>> parse_yaml_all(std::string_view text, const YamlOptions& options) {
  SQ_TRY(std::deque<yaml::Document> documents, yaml::compose(text, options, false));
  std::vector<Value> values;
  for (yaml::Document& document : documents) {
    SQ_TRY(Value value, yaml::construct(document, options));
    values.push_back(std::move(value));
  }
  return values;
}

namespace {

using Marks = std::map<std::string, std::pair<int, int>, std::less<>>;

std::string path_to(const std::string& parent, const std::string& step) {
  return parent.empty() ? step : parent + "." + step;
}

// The construction checked that no node lies inside itself.
void collect_marks(const yaml::Node& node, const std::string& path, Marks& marks) {
  for (size_t i = 0; i < node.items.size(); ++i) {
    const std::string item_path = path_to(path, std::to_string(i));
    marks[item_path] = {node.items[i]->mark.line + 1, node.items[i]->mark.column + 1};
    collect_marks(*node.items[i], item_path, marks);
  }
  for (const auto& [key, value] : node.members) {
    const std::string member_path = path_to(path, key->text);
    marks[member_path] = {key->mark.line + 1, key->mark.column + 1};
    collect_marks(*value, member_path, marks);
  }
}

}  // namespace

Result<YamlDocument> parse_yaml_document(std::string_view text, const YamlOptions& options) {
  SQ_TRY(std::deque<yaml::Document> documents, yaml::compose(text, options, true));
  YamlDocument document;
  document.file = options.file;
  if (documents.empty()) return document;
  SQ_TRY(document.value, yaml::construct(documents.front(), options));
  const yaml::Node& root = *documents.front().root;
  document.marks[""] = {root.mark.line + 1, root.mark.column + 1};
  collect_marks(root, "", document.marks);
  return document;
}

SourcePosition YamlDocument::position(std::string_view path) const {
  while (true) {
    const auto found = marks.find(path);
    if (found != marks.end()) return {file, found->second.first, found->second.second};
    if (path.empty()) return {file};
    const size_t dot = path.rfind('.');
    path = dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
  }
}

}  // namespace squall
