// Node graph -> Value, with the checks and words of PyYAML's SafeConstructor.
//
// PyYAML fills containers late: first a mapping's own keys and scalars, then, breadth first, what lies in them. So of
// two mistakes it names the shallower one. We check in that order first and then build from the leaves up.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <unordered_map>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "value/number_text.hpp"
#include "value/python.hpp"
#include "value/yaml_nodes.hpp"

namespace squall::yaml {

namespace {

// Tags that SafeConstructor knows for containers.
enum class Shape { kNone, kSequence, kMapping, kSet, kOrderedMap, kPairs };

Shape shape_of(std::string_view tag) {
  if (tag.substr(0, kTagPrefix.size()) != kTagPrefix) return Shape::kNone;
  tag.remove_prefix(kTagPrefix.size());
  if (tag == "seq") return Shape::kSequence;
  if (tag == "map") return Shape::kMapping;
  if (tag == "set") return Shape::kSet;
  if (tag == "omap") return Shape::kOrderedMap;
  if (tag == "pairs") return Shape::kPairs;
  return Shape::kNone;
}

// A dict's text key for a key that is a number: equal numbers are one key, and the first one's spelling stays.
class NumberKeys {
 public:
  std::string text_for(const Value& key) {
    std::string text = python::str(key);
    if (!key.is_number() && !key.is_bool()) return text;
    std::string canonical = text;
    if (key.is_bool()) canonical = std::string(1, key.as_bool() ? '1' : '0');
    if (key.is_double() && std::isfinite(key.as_double()) && std::trunc(key.as_double()) == key.as_double()) {
      canonical = python::str(integer_from_double(key.as_double()));
    }
    return known_.emplace(std::move(canonical), std::move(text)).first->second;
  }

 private:
  std::unordered_map<std::string, std::string> known_;
};

class Constructor {
 public:
  explicit Constructor(const YamlOptions& options) : options_(options) {}

  Result<Value> run(Node& root) {
    SQ_CHECK(check(root));
    while (!pending_.empty()) {
      Node& node = *pending_.front();
      pending_.pop_front();
      SQ_CHECK(check_inside(node));
    }
    return build(root);
  }

 private:
  tl::unexpected<Error> refuse(std::string problem, const Node& at, std::string context = {},
                               const Node* context_node = nullptr) const {
    Fault fault{"ConstructorError", std::move(problem), at.mark, std::move(context)};
    if (context_node != nullptr) fault.context_mark = context_node->mark;
    return fail(make_error(fault, options_));
  }

  // What construct_object() does at once: scalars get their value, containers wait in pending_.
  Status check(Node& node) {
    if (node.state != Node::State::kNew) return {};
    node.state = Node::State::kChecked;
    if (is_core_scalar_tag(node.tag)) return check_scalar(node);
    if (shape_of(node.tag) != Shape::kNone) {
      pending_.push_back(&node);
      return {};
    }
    return refuse("could not determine a constructor for the tag " + python::repr(Value(node.tag)), node);
  }

  Status check_scalar(Node& node) {
    // A mapping with the key "=" may stand for a scalar.
    const Node* scalar = &node;
    while (scalar->kind == Node::Kind::kMapping) {
      const auto found = std::find_if(scalar->members.begin(), scalar->members.end(),
                                      [](const auto& member) { return member.first->tag == core_tag("value"); });
      if (found == scalar->members.end()) break;
      scalar = found->second;
    }
    if (scalar->kind != Node::Kind::kScalar) {
      return refuse(fmt::format("expected a scalar node, but found {}", scalar->id()), *scalar);
    }
    Result<Value> value = construct_core_scalar(node.tag, scalar->text);
    if (!value) return fail(scalar_error(value.error(), node));
    node.value = std::move(*value);
    node.state = Node::State::kDone;
    return {};
  }

  // PyYAML names a place for its own errors only; people get one for Python's, too.
  Error scalar_error(const Error& error, const Node& node) const {
    Fault fault{error.type(), error.message(), std::nullopt};
    if (error.type() == "ConstructorError") {
      fault.mark = node.mark;
    } else {
      fault.where = node.mark;
    }
    const Error made = make_error(fault, options_);
    return Error(error.code(), made.message(), made.where()).with_type(made.type());
  }

  Status check_inside(Node& node) {
    switch (shape_of(node.tag)) {
      case Shape::kSequence: return check_sequence(node);
      case Shape::kMapping:
      case Shape::kSet: return check_mapping(node);
      case Shape::kOrderedMap: return check_pairs(node, "while constructing an ordered map");
      default: return check_pairs(node, "while constructing pairs");
    }
  }

  Status check_sequence(Node& node) {
    if (node.kind != Node::Kind::kSequence) {
      return refuse(fmt::format("expected a sequence node, but found {}", node.id()), node);
    }
    for (Node* item : node.items) SQ_CHECK(check(*item));
    return {};
  }

  Status check_mapping(Node& node) {
    if (node.kind == Node::Kind::kMapping) SQ_CHECK(flatten(node));
    if (node.kind != Node::Kind::kMapping) {
      return refuse(fmt::format("expected a mapping node, but found {}", node.id()), node);
    }
    for (const auto& [key, value] : node.members) {
      SQ_CHECK(check(*key));
      // Every container is a list, dict or set: none can be a key.
      if (shape_of(key->tag) != Shape::kNone) {
        return refuse("found unhashable key", *key, "while constructing a mapping", &node);
      }
      SQ_CHECK(check(*value));
    }
    return options_.unique_keys ? check_unique(node) : Status();
  }

  Status check_unique(const Node& node) const {
    std::unordered_map<std::string, const Node*> seen;
    NumberKeys numbers;
    for (size_t i = node.merged_count; i < node.members.size(); ++i) {
      const Node& key = *node.members[i].first;
      const std::string text = numbers.text_for(key.value);
      if (!seen.emplace(text, &key).second) {
        return refuse(fmt::format("found duplicate key \"{}\"", text), key, "while constructing a mapping", &node);
      }
    }
    return {};
  }

  Status check_pairs(Node& node, const std::string& context) {
    if (node.kind != Node::Kind::kSequence) {
      return refuse(fmt::format("expected a sequence, but found {}", node.id()), node, context, &node);
    }
    for (const Node* item : node.items) {
      if (item->kind != Node::Kind::kMapping) {
        return refuse(fmt::format("expected a mapping of length 1, but found {}", item->id()), *item, context, &node);
      }
      if (item->members.size() != 1) {
        return refuse(fmt::format("expected a single mapping item, but found {} items", item->members.size()), *item,
                      context, &node);
      }
      SQ_CHECK(check(*item->members.front().first));
      SQ_CHECK(check(*item->members.front().second));
    }
    return {};
  }

  // "<<": puts the members of the mappings named there in front, so that the mapping's own win.
  Status flatten(Node& node) {
    if (node.flattening) return refuse("found unconstructable recursive node", node);
    if (node.flattened) return {};
    node.flattened = true;
    node.flattening = true;
    std::vector<std::pair<Node*, Node*>> merged;
    std::vector<std::pair<Node*, Node*>> own;
    for (const auto& [key, value] : node.members) {
      if (key->tag == core_tag("merge")) {
        SQ_CHECK(merge(node, *value, merged));
        continue;
      }
      if (key->tag == core_tag("value")) key->tag = core_tag("str");
      own.emplace_back(key, value);
    }
    node.merged_count = merged.size();
    node.members = std::move(merged);
    node.members.insert(node.members.end(), own.begin(), own.end());
    node.flattening = false;
    return check_size(node);
  }

  // Merging copies members: mappings that merge mappings that merge ... grow exponentially.
  Status check_size(const Node& node) {
    merged_total_ += node.merged_count;
    if (merged_total_ <= limits::kYamlAliasNodesMax) return {};
    Fault fault{"RecursionError", fmt::format("merge keys copy more than {} members", limits::kYamlAliasNodesMax),
                node.mark};
    const Error made = make_error(fault, options_);
    return fail(Error(ErrorCode::kLimit, made.message(), made.where()).with_type(made.type()));
  }

  Status merge(const Node& node, Node& source, std::vector<std::pair<Node*, Node*>>& merged) {
    constexpr std::string_view kContext = "while constructing a mapping";
    if (source.kind == Node::Kind::kMapping) {
      SQ_CHECK(flatten(source));
      merged.insert(merged.end(), source.members.begin(), source.members.end());
      return {};
    }
    if (source.kind == Node::Kind::kScalar) {
      return refuse("expected a mapping or list of mappings for merging, but found scalar", source,
                    std::string(kContext), &node);
    }
    for (Node* item : source.items) {
      if (item->kind != Node::Kind::kMapping) {
        return refuse(fmt::format("expected a mapping for merging, but found {}", item->id()), *item,
                      std::string(kContext), &node);
      }
      SQ_CHECK(flatten(*item));
    }
    // Of several mappings the first wins: it has to come last.
    for (size_t i = source.items.size(); i-- > 0;) {
      merged.insert(merged.end(), source.items[i]->members.begin(), source.items[i]->members.end());
    }
    return {};
  }

  Result<Value> build(Node& node) {
    if (node.state == Node::State::kDone) return node.value;
    if (node.state == Node::State::kConstructing) return refuse("found unconstructable recursive node", node);
    node.state = Node::State::kConstructing;
    SQ_TRY(node.value, build_container(node));
    node.state = Node::State::kDone;
    return node.value;
  }

  Result<Value> build_container(const Node& node) {
    switch (shape_of(node.tag)) {
      case Shape::kSequence: return build_list(node);
      case Shape::kMapping: return build_dict(node);
      case Shape::kSet: return build_set(node);
      default: return build_pairs(node);
    }
  }

  Result<Value> build_list(const Node& node) {
    List items;
    items.reserve(node.items.size());
    for (Node* item : node.items) {
      SQ_TRY(Value value, build(*item));
      items.push_back(std::move(value));
    }
    return Value(std::move(items));
  }

  Result<Value> build_dict(const Node& node) {
    Dict members;
    members.reserve(node.members.size());
    NumberKeys numbers;
    for (const auto& [key, value] : node.members) {
      SQ_TRY(Value member, build(*value));
      if (key->value.is_string()) {
        members.set(key->value.as_string(), std::move(member));
      } else {
        members.set(numbers.text_for(key->value), std::move(member));
      }
    }
    return Value(std::move(members));
  }

  Result<Value> build_set(const Node& node) {
    List items;
    for (const auto& [key, value] : node.members) {
      const bool known = std::any_of(items.begin(), items.end(),
                                     [key = key](const Value& item) { return python::equal(item, key->value); });
      if (!known) items.push_back(key->value);
    }
    return Value::set(std::move(items));
  }

  Result<Value> build_pairs(const Node& node) {
    List pairs;
    for (const Node* item : node.items) {
      SQ_TRY(Value key, build(*item->members.front().first));
      SQ_TRY(Value value, build(*item->members.front().second));
      pairs.push_back(Value::tuple({std::move(key), std::move(value)}));
    }
    return Value(std::move(pairs));
  }

  const YamlOptions& options_;
  std::deque<Node*> pending_;
  size_t merged_total_ = 0;
};

}  // namespace

Result<Value> construct(Document& document, const YamlOptions& options) {
  SQ_ASSERT(document.root != nullptr);
  return Constructor(options).run(*document.root);
}

}  // namespace squall::yaml
