#include "api/pack_files.hpp"

#include <array>
#include <filesystem>
#include <utility>

#include "base/strings.hpp"

namespace squall::api {
namespace {

// Python's mimetypes with Debian's /etc/mime.types; YAML and Jinja templates have no type there.
constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
    {".sh", "text/x-sh"},          {".py", "text/x-python"},  {".txt", "text/plain"}, {".md", "text/markdown"},
    {".json", "application/json"}, {".html", "text/html"},    {".css", "text/css"},   {".js", "text/javascript"},
    {".png", "image/png"},         {".svg", "image/svg+xml"}, {".jpg", "image/jpeg"}, {".gif", "image/gif"},
    {".xml", "text/xml"},          {".csv", "text/csv"},      {".ps1", "text/plain"}, {".pl", "text/x-perl"},
};

}  // namespace

Result<std::string> path_in_pack(const std::string& pack_directory, const std::string& file_path) {
  namespace fs = std::filesystem;
  const fs::path inside = fs::path(file_path).lexically_normal();
  if (file_path.empty() || inside.is_absolute() || *inside.begin() == "..") {
    return fail(ErrorCode::kInvalid, "Invalid file path: \"" + file_path +
                                         "\". File path needs to be relative to the pack directory (" + pack_directory +
                                         "). For example \"my_action.py\".");
  }
  return pack_directory + "/" + inside.string();
}

std::string content_type_of(std::string_view file_name) {
  for (const auto& [ending, type] : kTypes) {
    if (file_name.ends_with(ending)) return std::string(type) + (type.starts_with("text/") ? "; charset=utf-8" : "");
  }
  return "application/octet-stream";
}

}  // namespace squall::api
