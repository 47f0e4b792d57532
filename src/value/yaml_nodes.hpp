// What lies between libyaml's events and Values: the node graph of one document, as PyYAML's composer makes it.
// Only the yaml_*.cpp files use it.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"
#include "value/yaml.hpp"

namespace squall::yaml {

// Counted from 0, in characters, as libyaml does.
struct Mark {
  int line = 0;
  int column = 0;
};

struct Node {
  enum class Kind { kScalar, kSequence, kMapping };
  enum class State { kNew, kChecked, kConstructing, kDone };

  Kind kind = Kind::kScalar;
  std::string tag;   // resolved: "tag:yaml.org,2002:int"
  std::string text;  // of a scalar
  Mark mark;
  std::vector<Node*> items;                      // of a sequence
  std::vector<std::pair<Node*, Node*>> members;  // of a mapping
  size_t expanded_size = 1;                      // nodes under and with this one, every alias counted again

  // For the constructor.
  State state = State::kNew;
  bool flattening = false;  // "<<" is being resolved
  bool flattened = false;
  size_t merged_count = 0;  // leading members that came from "<<"
  Value value;

  // "scalar", "sequence" or "mapping".
  std::string_view id() const;
};

// The nodes of one document; `root` is null for an empty stream. Nodes own nothing of each other.
struct Document {
  std::deque<Node> nodes;
  Node* root = nullptr;
  Mark start;
};

inline constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";
std::string core_tag(std::string_view name);

// An error in PyYAML's terms. Also fills options.problem.
struct Fault {
  std::string type = "ConstructorError";
  std::string problem;
  std::optional<Mark> mark;
  std::string context = {};
  std::optional<Mark> context_mark = {};
  std::optional<Mark> where = {};  // a place for people where PyYAML names none
};
Error make_error(const Fault& fault, const YamlOptions& options);

// The documents of a stream; with `single`, a second document is an error.
Result<std::deque<Document>> compose(std::string_view text, const YamlOptions& options, bool single);

// Tag of a plain scalar by its text: YAML 1.1's rules as PyYAML's Resolver has them.
std::string resolve_plain(std::string_view text);

// The value of a scalar with one of the core tags (null, bool, int, float, binary, timestamp, str). Errors have
// Python's class and words, and no position.
Result<Value> construct_core_scalar(std::string_view tag, std::string_view text);
bool is_core_scalar_tag(std::string_view tag);

// Makes the root's value. Empty documents are null.
Result<Value> construct(Document& document, const YamlOptions& options);

}  // namespace squall::yaml
