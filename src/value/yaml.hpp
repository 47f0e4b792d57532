// YAML 1.1 as PyYAML's safe loader reads it: libyaml's scanner, our resolver (recorded in
// tests/conformance/yaml11.json).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall {

// A parse error in PyYAML's own terms, for those who show its words. Positions count from 0, as in PyYAML's marks.
struct YamlProblem {
  std::string type;  // "ScannerError", "ParserError", "ComposerError", "ConstructorError", "ReaderError", "ValueError"
  std::string problem;                              // "did not find expected key"
  std::string context;                              // "while parsing a block mapping", or empty
  std::optional<std::pair<int, int>> problem_mark;  // line, column
  std::optional<std::pair<int, int>> context_mark;
  // str() of the Python exception; `file` stands where PyYAML names the stream.
  std::string text(std::string_view file = "<unicode string>") const;
};

struct YamlOptions {
  std::string file;                // for positions in errors
  bool unique_keys = false;        // a duplicate key is an error with its line (pack files); else the last one wins
  YamlProblem* problem = nullptr;  // when given, filled in on failure; the caller owns it
};

// One document; null for empty input; an error for several. The error has line and column where they are known, and
// PyYAML's (or Python's) exception class as type(); kLimit for nesting deeper than limits::kYamlDepthMax and for
// aliases that grow to more than limits::kYamlAliasNodesMax nodes. Keys that are not text are written as Python's str()
// of them
// ("1", "True", "None"), because every document of StackStorm becomes JSON in the end.
Result<Value> parse_yaml(std::string_view text, const YamlOptions& options = {});
Result<std::vector<Value>> parse_yaml_all(std::string_view text, const YamlOptions& options = {});

// A document together with where each node starts, for "file:line" in later checks.
struct YamlDocument {
  Value value;
  // Position of the node at a dotted path ("chain.0.ref"); of the nearest known parent when the node is unknown. A
  // member of a mapping stands where its key stands, an item of a list where the item starts.
  SourcePosition position(std::string_view path) const;

  std::string file;
  std::map<std::string, std::pair<int, int>, std::less<>> marks;  // path -> line, column, from 1
};
Result<YamlDocument> parse_yaml_document(std::string_view text, const YamlOptions& options = {});

struct YamlStyle {
  bool sort_keys = true;  // PyYAML's default
  bool allow_unicode = true;
  int indent = 2;            // 2 to 9
  bool document_end = true;  // "...\n" after a document that is one bare scalar
};
// yaml.safe_dump() in block style: PyYAML's quoting and line breaks, but no anchors (a container that occurs twice is
// written twice). Fails with type() "RepresenterError" for the kinds that safe_dump refuses.
Result<std::string> write_yaml(const Value& value, const YamlStyle& style = {});

}  // namespace squall
