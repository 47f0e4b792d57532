// YAML 1.1 as PyYAML's safe loader reads it: libyaml's scanner, our resolver (recorded in tests/conformance/yaml11.json).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall {

struct YamlOptions {
  std::string file;               // for positions in errors
  bool unique_keys = false;       // a duplicate key is an error with its line (pack files); else the last one wins
};

// One document; null for empty input; an error for several. Keys that are not text are written as Python's str() of them
// ("1", "True", "None"), because every document of StackStorm becomes JSON in the end.
Result<Value> parse_yaml(std::string_view text, const YamlOptions& options = {});
Result<std::vector<Value>> parse_yaml_all(std::string_view text, const YamlOptions& options = {});

// A document together with where each node starts, for "file:line" in later checks.
struct YamlDocument {
  Value value;
  // Position of the node at a dotted path ("chain.0.ref"); of the nearest known parent when the node is unknown.
  SourcePosition position(std::string_view path) const;

  std::string file;
  std::map<std::string, std::pair<int, int>, std::less<>> marks;  // path -> line, column, from 1
};
Result<YamlDocument> parse_yaml_document(std::string_view text, const YamlOptions& options = {});

struct YamlStyle {
  bool sort_keys = true;       // PyYAML's default
  bool allow_unicode = true;
  int indent = 2;
};
// Block style in PyYAML's form (quoting, "...\n" after a bare scalar). Fails for kinds that safe_dump refuses.
Result<std::string> write_yaml(const Value& value, const YamlStyle& style = {});

}  // namespace squall
