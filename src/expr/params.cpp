// st2common.util.param: a graph of parameters, rendered in the order of their dependencies.
#include "expr/params.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "expr/python/errors.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::expr {

namespace {

tl::unexpected<Error> param_error(std::string message) { return py::raise("ParamException", std::move(message)); }

// StackStorm's is_jinja_expression: text only.
bool is_expression(const Value& value) { return value.is_string() && is_template(value.as_string()); }

class ParamGraph {
 public:
  // A node with a value that is taken as it is.
  void add_value(const std::string& name, Value value) {
    Node& node = at(name);
    node.content = std::move(value);
    node.known = true;
    node.is_template = false;
  }

  // A node that is a template if its text looks like one.
  void process(const std::string& name, const Value& value) {
    add_value(name, value);
    const bool container = value.is_list() || value.is_dict();
    const std::string text = container ? python::str(value) : value.string();
    if (!is_template(text)) return;
    const auto compiled = JinjaTemplate::compile_cached(text);
    if (!compiled) return;  // a mistake in the syntax makes it a plain value
    at(name).is_template = true;
    for (const std::string& dependency : compiled->undeclared_variables()) {
      at(dependency);
      at(name).dependencies.insert(dependency);
    }
  }

  void process_defaults(const Value& schema) {
    if (!schema.is_dict()) return;
    for (const auto& [name, details] : schema.as_dict()) {
      const auto found = nodes_.find(name);
      const bool absent = found == nodes_.end();
      const bool is_none = !absent && !found->second.is_template && found->second.content.is_null();
      if (absent || is_none || details["immutable"].truthy()) process(name, details["default"]);
    }
  }

  Status validate() const {
    for (const std::string& name : order_) {
      if (!nodes_.at(name).known) return param_error("Dependency unsatisfied in variable \"" + name + "\"");
    }
    std::set<std::string> cyclic;
    for (const std::string& name : order_) {
      if (depends_on_itself(name)) cyclic.insert(name);
    }
    if (cyclic.empty()) return {};
    std::string names;
    for (const std::string& name : cyclic) names += (names.empty() ? "" : ", ") + name;
    return param_error("Cyclic dependency found in the following variables: " + names +
                       ". Likely the variable is referencing itself");
  }

  // All nodes rendered, in the order in which they could be.
  Result<Value> resolve() const {
    Value context = Value::empty_dict();
    for (const std::string& name : sorted()) {
      auto value = render(nodes_.at(name), context);
      if (!value) {
        return param_error("Failed to render parameter \"" + name + "\": " + value.error().message());
      }
      context.set(name, *std::move(value));
    }
    return context;
  }

 private:
  struct Node {
    bool known = false;
    bool is_template = false;
    Value content;
    std::set<std::string> dependencies;
  };

  Node& at(const std::string& name) {
    const auto [node, is_new] = nodes_.try_emplace(name);
    if (is_new) order_.push_back(name);
    return node->second;
  }

  bool depends_on_itself(const std::string& start) const {
    std::set<std::string> seen;
    std::vector<std::string> open(nodes_.at(start).dependencies.begin(), nodes_.at(start).dependencies.end());
    while (!open.empty()) {
      const std::string name = std::move(open.back());
      open.pop_back();
      if (name == start) return true;
      if (!seen.insert(name).second) continue;
      const auto& more = nodes_.at(name).dependencies;
      open.insert(open.end(), more.begin(), more.end());
    }
    return false;
  }

  // Generation by generation, as networkx sorts: first what depends on nothing.
  std::vector<std::string> sorted() const {
    std::map<std::string, size_t> waiting_for;
    std::vector<std::string> out;
    std::vector<std::string> generation;
    for (const std::string& name : order_) {
      waiting_for[name] = nodes_.at(name).dependencies.size();
      if (waiting_for[name] == 0) generation.push_back(name);
    }
    while (!generation.empty()) {
      std::vector<std::string> next;
      for (const std::string& name : generation) {
        out.push_back(name);
        for (const std::string& other : order_) {
          if (nodes_.at(other).dependencies.contains(name) && --waiting_for[other] == 0) next.push_back(other);
        }
      }
      generation = std::move(next);
    }
    return out;
  }

  static bool is_name_character(char c) {
    // The class [A-z0-9_-] of StackStorm's expression, slip included.
    return (c >= 'A' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  }

  // Each "{{name}}" of a JSON text, quotes and all, becomes {{name | to_complex}}: so its type is kept.
  static std::string keep_types(std::string_view json) {
    static constexpr std::string_view kOpen = "\"{{";
    static constexpr std::string_view kClose = "}}\"";
    std::string out;
    for (size_t at = 0; at < json.size();) {
      size_t end = at + kOpen.size();
      if (json.substr(at).starts_with(kOpen)) {
        while (end < json.size() && is_name_character(json[end])) ++end;
        if (end > at + kOpen.size() && json.substr(end).starts_with(kClose)) {
          out += "{{";
          out += json.substr(at + kOpen.size(), end - at - kOpen.size());
          out += " | to_complex}}";
          at = end + kClose.size();
          continue;
        }
      }
      out.push_back(json[at++]);
    }
    return out;
  }

  static Result<Value> render(const Node& node, const Value& context) {
    if (!node.is_template) return node.content;
    const bool container = !node.content.is_string();
    std::string text = node.content.string();
    if (container) {
      SQ_TRY(const std::string json, write_json(node.content, JsonStyle()));
      text = keep_types(json);
    }
    SQ_TRY(const JinjaTemplate compiled, JinjaTemplate::compile_cached(text));
    SQ_TRY(std::string rendered, compiled.render(Scope(context)));
    if (container) return parse_json(rendered);
    return Value(std::move(rendered));
  }

  std::map<std::string, Node> nodes_;
  std::vector<std::string> order_;
};

// The part that both phases share: everything a template may name besides parameters.
ParamGraph make_graph(const ParamInputs& inputs) {
  const auto dict_or_empty = [](const Value& value) { return value.is_null() ? Value::empty_dict() : value; };
  ParamGraph graph;
  graph.add_value("st2kv", inputs.st2kv.is_null()
                               ? Value::dict({{"system", Value::empty_dict()}, {"user", Value::empty_dict()}})
                               : inputs.st2kv);
  graph.add_value("action_context", dict_or_empty(inputs.action_context));
  graph.add_value("config_context", dict_or_empty(inputs.config_context));
  return graph;
}

// Without a type, or with a list of types, nothing is cast.
Result<Value> cast_param(const Value& value, const Value& schema) { return cast(value, schema["type"].string_or("")); }

Result<Value> cast_by_name(const ParamInputs& inputs, const std::string& name, const Value& value) {
  // The runner's schema comes last and wins.
  const Value& schema =
      inputs.runner_parameters.contains(name) ? inputs.runner_parameters[name] : inputs.action_parameters[name];
  return cast_param(value, schema);
}

}  // namespace

Result<Value> render_live_params(const ParamInputs& inputs) {
  ParamGraph graph = make_graph(inputs);
  if (inputs.extra.is_dict()) {
    for (const auto& [name, value] : inputs.extra.as_dict()) graph.add_value(name, value);
  }
  if (inputs.params.is_dict()) {
    for (const auto& [name, value] : inputs.params.as_dict()) graph.process(name, value);
  }
  graph.process_defaults(inputs.action_parameters);
  graph.process_defaults(inputs.runner_parameters);
  SQ_CHECK(graph.validate());
  SQ_TRY(const Value context, graph.resolve());

  Value live = Value::empty_dict();
  if (inputs.params.is_dict()) {
    for (const auto& [name, given] : inputs.params.as_dict()) {
      SQ_TRY(Value value, cast_by_name(inputs, name, context[name]));
      live.set(name, std::move(value));
    }
  }
  // Rendered defaults are checked against the schema with the rest, so they are part of the answer.
  for (const Value* schema : {&inputs.action_parameters, &inputs.runner_parameters}) {
    if (!schema->is_dict()) continue;
    for (const auto& [name, details] : schema->as_dict()) {
      const Value& fallback = details["default"];
      if (details["immutable"].truthy() || !is_expression(fallback) || inputs.params.contains(name)) continue;
      if (python::equal(fallback, context[name])) continue;
      SQ_TRY(Value value, cast_param(context[name], details));
      live.set(name, std::move(value));
    }
  }
  return live;
}

Result<FinalParams> render_final_params(const ParamInputs& inputs) {
  ParamGraph graph = make_graph(inputs);
  if (inputs.params.is_dict()) {
    for (const auto& [name, value] : inputs.params.as_dict()) graph.add_value(name, value);
  }
  graph.process_defaults(inputs.action_parameters);
  graph.process_defaults(inputs.runner_parameters);
  SQ_CHECK(graph.validate());
  SQ_TRY(const Value context, graph.resolve());

  FinalParams result{Value::empty_dict(), Value::empty_dict()};
  for (const auto& [name, rendered] : context.as_dict()) {
    SQ_TRY(Value value, cast_by_name(inputs, name, rendered));
    if (inputs.runner_parameters.contains(name)) {
      result.runner.set(name, std::move(value));
    } else if (inputs.action_parameters.contains(name)) {
      result.action.set(name, std::move(value));
    }
  }
  return result;
}

}  // namespace squall::expr
