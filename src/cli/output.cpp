#include "cli/output.hpp"

#include <algorithm>
#include <cstdio>

#include "base/strings.hpp"
#include "value/json.hpp"
#include "value/yaml.hpp"

namespace squall::cli {
namespace {

void print_text(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

bool print_document(Format format, const Value& document) {
  if (format == Format::kTable) return false;
  if (format == Format::kJson) {
    print_text(to_json_pretty(document) + "\n");
    return true;
  }
  YamlStyle style;
  style.sort_keys = false;
  const auto text = write_yaml(document, style);
  print_text(text ? *text : to_json_pretty(document) + "\n");
  return true;
}

// Long texts would break the table's lines.
std::string one_line(std::string text) {
  constexpr size_t kWidthMax = 60;
  const size_t end = text.find('\n');
  if (end != std::string::npos) text = text.substr(0, end) + " ...";
  if (utf8_length(text) <= kWidthMax) return text;
  size_t offset = 0;
  for (size_t i = 0; i < kWidthMax - 3; ++i) next_code_point(text, offset);
  return text.substr(0, offset) + "...";
}

}  // namespace

Result<Format> parse_format(std::string_view name) {
  if (name == "table") return Format::kTable;
  if (name == "json") return Format::kJson;
  if (name == "yaml") return Format::kYaml;
  return fail(ErrorCode::kInvalid, "unknown output format '" + std::string(name) + "'; use table, json or yaml");
}

std::string cell_text(const Value& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.string() : to_json(value);
}

std::string make_table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (size_t column = 0; column < titles.size(); ++column) {
    size_t width = utf8_length(titles[column]);
    for (const auto& row : rows) width = std::max(width, utf8_length(row[column]));
    widths.push_back(width);
  }
  std::string text;
  const auto add = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
      text += cells[i];
      if (i + 1 < cells.size()) text.append(widths[i] - utf8_length(cells[i]) + 2, ' ');
    }
    text += '\n';
  };
  add(titles);
  for (const auto& row : rows) add(row);
  return text;
}

void print_list(Format format, const Value& list, const std::vector<Column>& columns, std::string_view noun,
                int64_t total) {
  if (print_document(format, list)) return;
  if (list.empty()) {
    print_text("No " + std::string(noun) + " found.\n");
    return;
  }
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  std::vector<std::vector<std::string>> rows;
  for (const Value& document : list.as_list()) {
    std::vector<std::string> row;
    for (const Column& column : columns) row.push_back(one_line(cell_text(document.at_path(column.path))));
    rows.push_back(std::move(row));
  }
  print_text(make_table(titles, rows));
  if (total > static_cast<int64_t>(list.size())) {
    print_text("(" + std::to_string(list.size()) + " of " + std::to_string(total) + " " + std::string(noun) +
               " shown; -n sets how many)\n");
  }
}

void print_one(Format format, const Value& document, const std::vector<Column>& fields) {
  if (print_document(format, document)) return;
  size_t width = 0;
  for (const Column& field : fields) width = std::max(width, field.title.size());
  for (const Column& field : fields) {
    const Value& value = document.at_path(field.path);
    if (value.is_null()) continue;
    std::string text = value.is_dict() || value.is_list() ? to_json_pretty(value) : cell_text(value);
    if (text.find('\n') != std::string::npos) text = "\n  " + replace_all(trim(text), "\n", "\n  ");
    print_text(field.title + ":" + std::string(width - field.title.size() + 1, ' ') + text + "\n");
  }
}

}  // namespace squall::cli
