// What the command line prints: tables for people, JSON and YAML for programs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::cli {

enum class Format { kTable, kJson, kYaml };

struct Column {
  std::string title;
  std::string path;  // dotted, into the document
};

// "table", "json" or "yaml".
Result<Format> parse_format(std::string_view name);

// A list as a table with a line that says when there is more (or nothing), or as JSON or YAML.
void print_list(Format format, const Value& list, const std::vector<Column>& columns, std::string_view noun,
                int64_t total);
// One document as "name: value" lines, or as JSON or YAML.
void print_one(Format format, const Value& document, const std::vector<Column>& fields);
// The table alone; cells are aligned by characters, not bytes.
std::string make_table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows);
// A value as a person reads it: text bare, containers as JSON.
std::string cell_text(const Value& value);

}  // namespace squall::cli
