#include "packs/metadata_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/limits.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::packs {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShownBytesMax = 60;  // of a value in a message

std::string shown(const Value& value) {
  const std::string text = python::repr(value);
  if (text.size() <= kShownBytesMax) return text;
  size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

bool is_metadata_name(const std::string& name) {
  if (name.empty() || name.front() == '.') return false;
  const std::string extension = fs::path(name).extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

Result<std::string> read_limited(const std::string& path) {
  const SourcePosition where{path, 0, 0};
  std::error_code failed;
  // A FIFO or a device would block or never end.
  const fs::file_status status = fs::status(path, failed);
  if (status.type() == fs::file_type::not_found)
    return fail(Error(ErrorCode::kNotFound, "the file does not exist", where));
  if (failed) return fail(Error(ErrorCode::kIo, "the file cannot be read: " + failed.message(), where));
  if (status.type() != fs::file_type::regular) return fail(Error(ErrorCode::kIo, "this is not a regular file", where));
  const auto size = fs::file_size(path, failed);
  if (!failed && size > limits::kPackFileBytesMax) {
    return fail(Error(ErrorCode::kLimit,
                      fmt::format("the file has {} bytes; a pack's metadata file may have {} (kPackFileBytesMax)", size,
                                  limits::kPackFileBytesMax),
                      where));
  }
  auto text = read_file(path);
  if (!text) return fail(Error(ErrorCode::kIo, "the file cannot be read: " + text.error().message(), where));
  return text;
}

// Some error messages of the parser begin with the position already; where() has it in any case.
Error syntax_error(const Error& error, const std::string& path, std::string_view language) {
  SourcePosition where = error.where();
  where.file = path;
  return Error(ErrorCode::kInvalid, fmt::format("the file is not valid {}: {}", language, error.message()), where)
      .with_type(error.type());
}

}  // namespace

Result<YamlDocument> read_metadata_file(const std::string& path, std::vector<Error>& warnings, bool empty_is_map) {
  SQ_TRY(const std::string text, read_limited(path));
  const bool json = fs::path(path).extension() == ".json";
  Value strict;
  if (json) {
    auto parsed = parse_json(text, JsonDialect::kPython);
    if (!parsed) return fail(syntax_error(parsed.error(), path, "JSON"));
    strict = std::move(*parsed);
  }
  YamlOptions options;
  options.file = path;
  options.unique_keys = true;
  auto document = parse_yaml_document(text, options);
  if (!document && !json) {
    const Error first = document.error();
    options.unique_keys = false;
    document = parse_yaml_document(text, options);
    if (!document) return fail(syntax_error(document.error(), path, "YAML"));
    SourcePosition where = first.where();
    where.file = path;
    warnings.emplace_back(ErrorCode::kInvalid, first.message() + "; the last one counts: remove the others", where);
  }
  // JSON is almost YAML: the YAML reader adds the positions where it can (it refuses tabs between members, for one).
  if (!document) document = YamlDocument{Value(), path, {}};
  if (json) document->value = std::move(strict);
  document->file = path;
  if (document->value.is_null() && empty_is_map) document->value = Value::empty_dict();
  if (!document->value.is_dict()) {
    // Not the value itself: the file may be a config with secrets.
    const std::string found = document->value.is_null()
                                  ? "is empty"
                                  : fmt::format("holds a value of type {}", document->value.json_type_name());
    return fail(Error(ErrorCode::kInvalid,
                      "the file " + found + "; it has to be a map of names to values (\"name: value\" lines)",
                      SourcePosition{path, 1, 1}));
  }
  return std::move(*document);
}

bool is_file(const std::string& path) {
  std::error_code failed;
  return fs::is_regular_file(path, failed) && !failed;
}

Result<std::vector<std::string>> list_metadata_files(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  if (fs::status(directory, failed).type() == fs::file_type::not_found) return names;
  fs::directory_iterator entry(directory, failed);
  for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (is_metadata_name(name)) names.push_back(name);
  }
  if (failed) {
    return fail(
        Error(ErrorCode::kIo, "the directory cannot be read: " + failed.message(), SourcePosition{directory, 0, 0}));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> list_pack_files(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code failed;
  fs::recursive_directory_iterator entry(directory, fs::directory_options::skip_permission_denied, failed);
  for (; !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
    const std::string relative = entry->path().lexically_relative(directory).string();
    std::error_code unknown;
    if (relative == ".git") entry.disable_recursion_pending();
    const bool directory_entry = entry->is_directory(unknown);
    if (directory_entry || relative == ".git" || entry->path().extension() == ".pyc" || !is_valid_utf8(relative))
      continue;
    files.push_back(relative);
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string Fields::path_of(std::string_view key) const {
  if (path_.empty()) return std::string(key);
  return key.empty() ? path_ : path_ + "." + std::string(key);
}

Error Fields::error(std::string_view key, std::string message) const {
  return Error(ErrorCode::kInvalid, std::move(message), file_.position(path_of(key)));
}

Error Fields::wrong_kind(std::string_view key, std::string_view wanted) const {
  return error(key, fmt::format("\"{}\" has to be {}, it is {}", path_of(key), wanted, shown(object_[key])));
}

Result<std::string> Fields::text(std::string_view key) const {
  const Value& value = object_[key];
  if (value.is_null()) return fail(error("", fmt::format("\"{}\" is missing; add it", path_of(key))));
  if (!value.is_string()) return fail(wrong_kind(key, "a text (put it in quotes)"));
  if (value.empty()) return fail(error(key, fmt::format("\"{}\" is empty; give it a value", path_of(key))));
  return value.string();
}

Result<Value> Fields::optional_text(std::string_view key) const {
  const Value& value = object_[key];
  if (!value.is_null() && !value.is_string()) return fail(wrong_kind(key, "a text (put it in quotes)"));
  return value;
}

Result<bool> Fields::flag(std::string_view key, bool fallback) const {
  const Value& value = object_[key];
  if (!value.is_null() && !value.is_bool()) return fail(wrong_kind(key, "true or false"));
  return value.bool_or(fallback);
}

Result<Value> Fields::dict(std::string_view key) const {
  const Value& value = object_[key];
  if (value.is_null()) return Value::empty_dict();
  if (!value.is_dict()) return fail(wrong_kind(key, "a map"));
  return value;
}

Result<Value> Fields::list(std::string_view key) const {
  const Value& value = object_[key];
  if (value.is_null()) return Value::empty_list();
  if (!value.is_list()) return fail(wrong_kind(key, "a list"));
  return value;
}

Result<Fields> Fields::nested(std::string_view key) const {
  const Value& value = object_[key];
  if (value.is_null()) return fail(error("", fmt::format("\"{}\" is missing; add it", path_of(key))));
  if (!value.is_dict()) return fail(wrong_kind(key, "a map"));
  return Fields(file_, value, path_of(key));
}

Status Fields::only(std::span<const std::string_view> known) const {
  for (const auto& [key, value] : object_.as_dict()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return fail(error(key, fmt::format("\"{}\" is not known here; correct or remove it. Known are: {}", path_of(key),
                                       fmt::join(known, ", "))));
  }
  return {};
}

}  // namespace squall::packs
