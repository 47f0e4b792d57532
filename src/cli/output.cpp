#include "cli/output.hpp"

#include <algorithm>
#include <cstdio>

#include "base/strings.hpp"
#include "value/json.hpp"
#include "value/yaml.hpp"

namespace squall::cli {
namespace {

void print_text(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// What --fields leaves of a document, by the paths' own names.
Value chosen(const Format& format, const Value& document) {
  if (format.fields.empty() || !document.is_dict()) return document;
  Value kept = Value::empty_dict();
  for (const std::string& path : format.fields) kept.set(path, document.at_path(path));
  return kept;
}

std::vector<Column> columns_of(const Format& format, const std::vector<Column>& usual) {
  if (format.fields.empty()) return usual;
  std::vector<Column> columns;
  for (const std::string& path : format.fields) columns.push_back({to_upper(path), path});
  return columns;
}

std::string name_of(const Value& document) {
  for (const char* key : {"ref", "name", "id"}) {
    if (document[key].is_string()) return document[key].string();
  }
  return "";
}

// RFC 4180.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return '"' + replace_all(text, "\"", "\"\"") + '"';
}

void print_csv(const List& list, const std::vector<Column>& columns) {
  std::string text;
  const auto add_row = [&](auto cell) {
    for (size_t i = 0; i < columns.size(); ++i) text += (i == 0 ? "" : ",") + csv_cell(cell(columns[i]));
    text += "\r\n";
  };
  add_row([](const Column& column) { return column.path; });
  for (const Value& document : list) {
    add_row([&](const Column& column) { return cell_text(document.at_path(column.path)); });
  }
  print_text(text);
}

// Everything but tables.
bool print_document(const Format& format, const Value& document, const std::vector<Column>& columns) {
  const List one{document};
  const List& list = document.is_list() ? document.as_list() : one;
  switch (format.shape) {
    case Format::kTable:
    case Format::kWide: return false;
    case Format::kName:
      for (const Value& item : list) print_text(name_of(item) + "\n");
      return true;
    case Format::kCsv: print_csv(list, columns_of(format, columns)); return true;
    case Format::kJsonLines:
      for (const Value& item : list) print_text(to_json(chosen(format, item)) + "\n");
      return true;
    case Format::kJson:
    case Format::kYaml: break;
  }
  Value shown = document;
  if (document.is_list()) {
    shown = Value::empty_list();
    for (const Value& item : list) shown.push_back(chosen(format, item));
  } else {
    shown = chosen(format, document);
  }
  if (format.shape == Format::kJson) {
    print_text(to_json_pretty(shown) + "\n");
    return true;
  }
  YamlStyle style;
  style.sort_keys = false;
  const auto text = write_yaml(shown, style);
  print_text(text ? *text : to_json_pretty(shown) + "\n");
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

Result<Format> parse_format(std::string_view name, std::string_view fields) {
  static const std::vector<std::pair<std::string_view, Format::Shape>> kShapes = {
      {"table", Format::kTable}, {"wide", Format::kWide}, {"json", Format::kJson}, {"jsonl", Format::kJsonLines},
      {"yaml", Format::kYaml},   {"name", Format::kName}, {"csv", Format::kCsv}};
  for (const auto& [known, shape] : kShapes) {
    if (name != known) continue;
    Format format(shape);
    for (const std::string& field : split(fields, ',')) {
      if (!trim(field).empty()) format.fields.emplace_back(trim(field));
    }
    return format;
  }
  return fail(ErrorCode::kInvalid,
              "unknown output format '" + std::string(name) + "'; use table, wide, json, jsonl, yaml, name or csv");
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

void print_list(const Format& format, const Value& list, const std::vector<Column>& usual, std::string_view noun,
                int64_t total) {
  if (print_document(format, list, usual)) return;
  if (list.empty()) {
    print_text("No " + std::string(noun) + " found.\n");
    return;
  }
  const std::vector<Column> columns = columns_of(format, usual);
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  std::vector<std::vector<std::string>> rows;
  for (const Value& document : list.as_list()) {
    std::vector<std::string> row;
    for (const Column& column : columns) {
      const std::string cell = cell_text(document.at_path(column.path));
      row.push_back(format.shape == Format::kWide ? replace_all(cell, "\n", " ") : one_line(cell));
    }
    rows.push_back(std::move(row));
  }
  print_text(make_table(titles, rows));
  if (total > static_cast<int64_t>(list.size())) {
    print_text("(" + std::to_string(list.size()) + " of " + std::to_string(total) + " " + std::string(noun) +
               " shown; -n sets how many)\n");
  }
}

void print_one(const Format& format, const Value& document, const std::vector<Column>& usual) {
  if (print_document(format, document, usual)) return;
  const std::vector<Column> fields = columns_of(format, usual);
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
