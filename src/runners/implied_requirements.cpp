#include "runners/implied_requirements.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <string_view>

#include "base/strings.hpp"

namespace squall::runners {
namespace {

namespace fs = std::filesystem;

// Of the packages that StackStorm itself requires those that packs use; eventlet comes with the runtime (fallbacks/).
constexpr struct {
  std::string_view module, requirement;
} kLibraries[] = {
    {"cryptography", "cryptography"},
    {"dateutil", "python-dateutil"},
    {"flask", "Flask"},
    {"git", "GitPython"},
    {"jinja2", "Jinja2"},
    {"jsonschema", "jsonschema"},
    {"paramiko", "paramiko"},
    {"passlib", "passlib"},
    {"prettytable", "prettytable"},
    {"psutil", "psutil"},
    {"pytz", "pytz"},
    {"requests", "requests"},
    {"retrying", "retrying"},
    {"semver", "semver"},
    {"simplejson", "simplejson"},
    {"six", "six"},
    {"tzlocal", "tzlocal"},
    {"yaml", "PyYAML"},
};
constexpr size_t kSourceBytesMax = 1u << 20;

bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The first names of the modules that a line imports: of "import a.b, c as d" a and c.
void collect_imports(std::string_view line, std::set<std::string, std::less<>>& modules) {
  const bool from = line.starts_with("from ");
  if (!from && !line.starts_with("import ")) return;
  std::string_view rest = line.substr(from ? 5 : 7);
  for (const std::string& part : split(rest, ',')) {
    const std::string_view name = trim(part);
    const auto end = std::find_if_not(name.begin(), name.end(), is_name_character);
    modules.emplace(name.begin(), end);
    if (from) return;
  }
}

// As package indexes compare names: "PyYAML>=3" is "pyyaml", "python_dateutil" is "python-dateutil".
std::string distribution_name(std::string_view requirement) {
  std::string name;
  for (const char c : trim(requirement)) {
    if (!is_name_character(c) && c != '-' && c != '.') break;
    name += c == '_' || c == '.' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace

std::vector<ImpliedRequirement> implied_requirements(const std::string& pack_path, const std::string& requirements) {
  std::set<std::string, std::less<>> modules;
  for (const char* folder : {"actions", "sensors", "lib"}) {
    std::error_code error;
    for (fs::recursive_directory_iterator entry(fs::path(pack_path) / folder, error), end; !error && entry != end;
         entry.increment(error)) {
      std::error_code unknown;
      if (entry->path().extension() != ".py" || !entry->is_regular_file(unknown) ||
          entry->file_size(unknown) > kSourceBytesMax)
        continue;
      const auto text = read_file(entry->path().string());
      if (!text) continue;
      for (const std::string& line : split(*text, '\n')) collect_imports(line, modules);
    }
  }
  std::set<std::string> named;
  for (const std::string& line : split(requirements, '\n')) named.insert(distribution_name(line));
  std::vector<ImpliedRequirement> implied;
  for (const auto& [module, requirement] : kLibraries) {
    if (modules.contains(module) && !named.contains(distribution_name(requirement)))
      implied.push_back({std::string(module), std::string(requirement)});
  }
  return implied;
}

}  // namespace squall::runners
