#include "workflow/chain/chain.hpp"

#include <algorithm>
#include <set>

#include "value/json_form.hpp"
#include "value/python.hpp"
#include "value/yaml.hpp"

namespace squall::workflow {
namespace {

Error invalid(std::string message) { return Error(ErrorCode::kInvalid, std::move(message)); }

// jsonschema's words for a value of the wrong type, with where it stands.
Error wrong_type(const Value& value, std::string_view type, std::string_view where) {
  return invalid(python::repr(value) + " is not of type '" + std::string(type) + "'\n\nOn " + std::string(where));
}

Status require_type(const Value& holder, std::string_view key, std::string_view type, const std::string& where) {
  if (!holder.contains(key)) return {};
  const Value& value = holder[key];
  if (value.json_type_name() == type) return {};
  return fail(wrong_type(value, type, where + "['" + std::string(key) + "']"));
}

constexpr std::string_view kNodeKeys[] = {"name",       "ref",        "params",  "parameters",
                                          "on-success", "on-failure", "publish", "notify"};

// The checks that StackStorm's schema makes, and it makes them for the first node only.
Status check_first_node(const Value& node) {
  const std::string where = "chain[0]";
  if (!node.is_dict()) return fail(wrong_type(node, "object", where));
  for (const auto& [key, value] : node.as_dict()) {
    if (std::find(std::begin(kNodeKeys), std::end(kNodeKeys), key) == std::end(kNodeKeys)) {
      return fail(invalid("Additional properties are not allowed ('" + key + "' was unexpected)\n\nOn " + where));
    }
  }
  for (const std::string_view key : {"name", "ref"}) {
    if (!node.contains(key)) return fail(invalid("'" + std::string(key) + "' is a required property\n\nOn " + where));
    SQ_CHECK(require_type(node, key, "string", where));
  }
  for (const std::string_view key : {"on-success", "on-failure"}) SQ_CHECK(require_type(node, key, "string", where));
  for (const std::string_view key : {"params", "parameters", "publish", "notify"}) {
    SQ_CHECK(require_type(node, key, "object", where));
  }
  return {};
}

Status check_document(const Value& document) {
  for (const auto& [key, value] : document.as_dict()) {
    if (key != "chain" && key != "default" && key != "vars") {
      return fail(invalid("Additional properties are not allowed ('" + key + "' was unexpected)"));
    }
  }
  if (!document.contains("chain")) return fail(invalid("'chain' is a required property"));
  SQ_CHECK(require_type(document, "chain", "array", "instance"));
  SQ_CHECK(require_type(document, "default", "string", "instance"));
  SQ_CHECK(require_type(document, "vars", "object", "instance"));
  return document["chain"].empty() ? Status() : check_first_node(document["chain"][0]);
}

std::string text_of(const Value& value) { return value.is_null() ? std::string() : python::str(value); }

Result<ChainNode> read_node(const Value& document, size_t index) {
  if (!document.is_dict()) {
    return fail(wrong_type(document, "object", "chain[" + std::to_string(index) + "]"));
  }
  if (!document["params"].empty() && !document["parameters"].empty()) {
    return fail(invalid("Either \"params\" or \"parameters\" attribute needs to be provided, but not both"));
  }
  ChainNode node;
  node.name = text_of(document["name"]);
  node.ref = document.contains("ref") ? text_of(document["ref"]) : "None";
  node.parameters = document["parameters"].empty() ? document["params"] : document["parameters"];
  if (node.parameters.is_null()) node.parameters = Value::empty_dict();
  if (!node.parameters.is_dict()) {
    return fail(wrong_type(node.parameters, "object", "chain[" + std::to_string(index) + "]['parameters']"));
  }
  node.on_success = text_of(document["on-success"]);
  node.on_failure = text_of(document["on-failure"]);
  node.publish = document["publish"].is_dict() ? document["publish"] : Value::empty_dict();
  node.document = document;
  return node;
}

}  // namespace

Result<Chain> Chain::parse(std::string_view text, std::string_view name, std::string_view file) {
  const std::string prefix = "Failed to parse action chain definition from \"" + std::string(file) + "\": ";
  YamlOptions options;
  options.file = file;
  YamlProblem problem;
  options.problem = &problem;
  auto document = parse_yaml(text, options);
  if (!document) return fail(Error(ErrorCode::kInvalid, prefix + problem.text(file)));
  if (!document->is_dict()) {
    return fail(invalid(prefix + "Expected \"dict\", got \"" + std::string(document->type_name()) + "\""));
  }
  // Its parts become parts of executions' records: dates of YAML become texts, what has no JSON form is refused.
  auto form = json_form(*document);
  if (!form) return fail(invalid(prefix + form.error().message()));
  return from_document(*form, name);
}

Result<Chain> Chain::from_document(const Value& document, std::string_view name) {
  SQ_CHECK(check_document(document));
  Chain chain;
  for (size_t i = 0; i < document["chain"].size(); ++i) {
    SQ_TRY(ChainNode node, read_node(document["chain"][i], i));
    chain.nodes_.push_back(std::move(node));
  }
  chain.vars_ = document["vars"].is_dict() ? document["vars"] : Value::empty_dict();
  SQ_CHECK(chain.check_links());
  SQ_CHECK(chain.choose_start(name, document["default"]));
  return chain;
}

const ChainNode* Chain::find(std::string_view name) const {
  if (name.empty()) return nullptr;
  for (const ChainNode& node : nodes_) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

Status Chain::check_links() const {
  for (const ChainNode& node : nodes_) {
    for (const auto& [link, target] :
         {std::pair("on-success", &node.on_success), std::pair("on-failure", &node.on_failure)}) {
      // A link with a template cannot be checked before it is rendered.
      if (target->empty() || expr::is_template(*target) || find(*target) != nullptr) continue;
      return fail(invalid("Unable to find node with name \"" + *target + "\" referenced in \"" + link +
                          "\" in task \"" + node.name + "\"."));
    }
  }
  return {};
}

Status Chain::choose_start(std::string_view chain_name, const Value& given_default) {
  const std::string wanted = given_default.string();
  if (!wanted.empty()) {
    if (find(wanted) == nullptr && !expr::is_template(wanted)) {
      return fail(invalid("Unable to find node with name \"" + wanted + "\" referenced in \"default\"."));
    }
    start_ = wanted;
    return {};
  }
  if (nodes_.empty()) return fail(invalid("Failed to find default node in " + std::string(chain_name) + "."));
  std::set<std::string, std::less<>> referenced;
  for (const ChainNode& node : nodes_) {
    referenced.insert(node.on_success);
    referenced.insert(node.on_failure);
  }
  start_ = nodes_.front().name;
  for (const ChainNode& node : nodes_) {
    if (referenced.count(node.name) == 0) {
      start_ = node.name;
      break;
    }
  }
  return {};
}

}  // namespace squall::workflow
