// What the command line prints: tables for people, JSON and YAML for programs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::cli {

// How results are printed, and which of their fields. Results go to standard output, everything else to standard error.
struct Format {
  enum Shape { kTable, kWide, kJson, kJsonLines, kYaml, kName, kCsv };
  Format(Shape wanted = kTable) : shape(wanted) {}  // NOLINT(google-explicit-constructor): a shape is a format
  bool is_table() const { return shape == kTable || shape == kWide; }

  Shape shape;
  std::vector<std::string> fields;  // dotted paths; empty: those of the command
};

struct Column {
  std::string title;
  std::string path;  // dotted, into the document
};

// "table", "wide", "json", "jsonl", "yaml", "name" or "csv"; fields as "a,b.c".
Result<Format> parse_format(std::string_view name, std::string_view fields = "");

// A list as a table, with a line on standard error that says when there is more (or nothing), or for programs: JSON,
// one JSON document a line, YAML, names alone, CSV.
void print_list(const Format& format, const Value& list, const std::vector<Column>& usual, std::string_view noun,
                int64_t total);
// One document as "name: value" lines, or as JSON or YAML.
void print_one(const Format& format, const Value& document, const std::vector<Column>& usual);
// The table alone; cells are aligned by characters, not bytes.
std::string make_table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows);
// A value as a person reads it: text bare, containers as JSON.
std::string cell_text(const Value& value);

}  // namespace squall::cli
