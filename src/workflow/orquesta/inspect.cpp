#include "workflow/orquesta/inspect.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "expr/workflow_text.hpp"
#include "value/schema.hpp"
#include "workflow/orquesta/inspect_parts.hpp"
#include "workflow/orquesta/spec_schema.hpp"

namespace squall::workflow::orquesta {

namespace {

void sort_entries(List& entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const Value& a, const Value& b) {
    return std::tuple(a["schema_path"].string_or(""), a["spec_path"].string_or("")) <
           std::tuple(b["schema_path"].string_or(""), b["spec_path"].string_or(""));
  });
}

// "tasks.t.next[0]"; null for the document as a whole.
Value path_of(const List& steps) {
  std::string path;
  for (const Value& step : steps) {
    if (step.is_int()) {
      path += "[" + std::to_string(step.as_int()) + "]";
    } else {
      path += (path.empty() ? "" : ".") + step.string();
    }
  }
  return path.empty() ? Value() : Value(path);
}

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// Orquesta unescapes the message that jsonschema made with repr(): "\\w" becomes "\w". (It also garbles letters beyond
// ASCII on the way; those stay here.)
std::string unescaped(std::string_view text) {
  constexpr std::string_view kFrom = "\\'\"abfnrtv";
  constexpr std::string_view kTo = "\\'\"\a\b\f\n\r\t\v";
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    const size_t known = next == '\0' ? std::string_view::npos : kFrom.find(next);
    const size_t digits = next == 'x' ? 2 : next == 'u' ? 4 : 0;
    if (text[i] == '\\' && known != std::string_view::npos) {
      out += kTo[known];
      ++i;
    } else if (text[i] == '\\' && digits > 0 && is_hex(text.substr(std::min(i + 2, text.size()), digits), digits)) {
      append_utf8(out, static_cast<unsigned>(std::stoul(std::string(text.substr(i + 2, digits)), nullptr, 16)));
      i += 1 + digits;
    } else {
      out += text[i];
    }
  }
  return out;
}

// --- Expressions

class Expressions {
 public:
  List take() { return std::move(entries_); }

  void look(const Value& value, const std::string& spec_path, std::string_view schema_path) {
    if (value.is_null()) return;
    for (const expr::ExpressionProblem& problem : expr::validate_workflow_value(value)) {
      entries_.push_back(Value::dict({{"type", problem.language.empty() ? Value() : Value(problem.language)},
                                      {"expression", problem.expression},
                                      {"message", problem.message},
                                      {"spec_path", spec_path},
                                      {"schema_path", schema_path}}));
    }
  }

  void look_at_members(const Value& dict, std::initializer_list<std::string_view> names, const std::string& spec_path,
                       const std::string& schema_path) {
    for (const std::string_view name : names) {
      if (!dict.contains(name)) continue;
      look(dict[name], spec_path + "." + std::string(name), schema_path + ".properties." + std::string(name));
    }
  }

 private:
  List entries_;
};

}  // namespace

List inspect_syntax(const WorkflowSpec& spec) {
  List entries;
  if (surely_valid(spec.document())) return entries;
  for (const schema::Violation& violation :
       schema::check(spec.document(), workflow_schema(), schema::Nulls::kAsWritten)) {
    entries.push_back(Value::dict({{"message", unescaped(violation.message)},
                                   {"spec_path", path_of(violation.steps)},
                                   {"schema_path", path_of(violation.schema_steps)}}));
  }
  return entries;
}

List inspect_expressions(const WorkflowSpec& spec) {
  Expressions found;
  for (const std::string_view name : {"vars", "input", "output"}) {
    found.look(spec.document()[name], std::string(name), "properties." + std::string(name));
  }
  const std::string schema(kTaskSchemaPath);
  for (const TaskSpec& task : spec.tasks()) {
    const std::string path = task_path(task.name);
    found.look_at_members(task.document, {"delay", "join", "action", "input"}, path, schema);
    if (task.document["with"].truthy()) {
      found.look_at_members(task.document["with"], {"items", "concurrency"}, path + ".with",
                            schema + ".properties.with");
    }
    if (task.document["retry"].truthy()) {
      found.look_at_members(task.document["retry"], {"when", "count", "delay"}, path + ".retry",
                            schema + ".properties.retry");
    }
    for (size_t i = 0; i < task.next.size(); ++i) {
      found.look_at_members(task.next[i].document, {"when", "publish", "do"}, path + ".next[" + std::to_string(i) + "]",
                            schema + ".properties.next.items");
    }
  }
  return found.take();
}

Value Inspection::to_value() const {
  Value all = Value::empty_dict();
  if (!syntax.empty()) all.set("syntax", Value(syntax));
  if (!semantics.empty()) all.set("semantics", Value(semantics));
  if (!expressions.empty()) all.set("expressions", Value(expressions));
  if (!context.empty()) all.set("context", Value(context));
  return all;
}

List Inspection::flat() const {
  List all;
  const auto add = [&all](const List& entries, std::string_view type) {
    for (const Value& entry : entries) {
      Value shown = Value::empty_dict();
      // In the order in which StackStorm writes them; what the language calls "type" is the expression's language
      // there.
      for (const char* key : {"expression", "message", "spec_path", "schema_path"}) {
        if (entry.contains(key)) shown.set(key, entry[key]);
      }
      if (entry.contains("type")) shown.set("language", entry["type"]);
      shown.set("type", type);
      all.push_back(std::move(shown));
    }
  };
  add(context, "context");
  add(expressions, "expression");
  add(semantics, "semantic");
  add(syntax, "syntax");
  std::stable_sort(all.begin(), all.end(), [](const Value& a, const Value& b) {
    return std::tuple(a["type"].string_or(""), a["schema_path"].string_or("")) <
           std::tuple(b["type"].string_or(""), b["schema_path"].string_or(""));
  });
  return all;
}

Inspection inspect(const WorkflowSpec& spec, const std::vector<std::string>& given) {
  Inspection found;
  const Graph graph(spec);
  found.syntax = inspect_syntax(spec);
  found.semantics = inspect_semantics(spec, graph);
  found.expressions = inspect_expressions(spec);
  found.context = inspect_context(spec, graph, given);
  for (List* entries : {&found.syntax, &found.semantics, &found.expressions, &found.context}) sort_entries(*entries);
  return found;
}

}  // namespace squall::workflow::orquesta
