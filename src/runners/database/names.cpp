#include "runners/database/names.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "crypto/hash.hpp"

namespace squall::runners::database {
namespace {

constexpr size_t kIdentifierMax = 63;    // RDS's limit
constexpr size_t kDatabaseNameMax = 63;  // PostgreSQL's limit; that of MySQL is 64
constexpr EngineFacts kEngines[] = {{"postgres", 5432, "16", "postgresql", "require"},
                                    {"mysql", 3306, "8.0", "mysql", "REQUIRED"},
                                    {"mariadb", 3306, "10.11", "mariadb", "REQUIRED"}};

// Names of databases that RDS or an engine keeps for itself.
constexpr std::string_view kReservedNames[] = {
    "db",    "rdsadmin", "postgres",           "template0",          "template1",
    "mysql", "sys",      "information_schema", "performance_schema", "user"};

// Lower-case letters, digits and single hyphens.
std::string identifier_part(std::string_view text) {
  std::string out;
  for (const char c : to_lower(text)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

int64_t unit_seconds(char unit) {
  switch (unit) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    default: return 0;
  }
}

}  // namespace

const EngineFacts* find_engine(std::string_view name) {
  for (const EngineFacts& engine : kEngines) {
    if (engine.name == name) return &engine;
  }
  return nullptr;
}

Error bad_field(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kInvalid, path + ": " + why).with_type("InvalidSpec");
}

std::string make_identifier(const std::string& space, const std::string& name, const std::string& uid) {
  const std::string suffix = "-" + crypto::sha256_hex(uid).substr(0, 6);
  std::string stem = identifier_part(space + "-" + name);
  if (stem.empty() || stem.front() < 'a' || stem.front() > 'z') stem = "db-" + stem;
  if (stem.size() > kIdentifierMax - suffix.size()) stem.resize(kIdentifierMax - suffix.size());
  while (stem.ends_with("-")) stem.pop_back();
  return stem + suffix;
}

std::string database_name(const Value& spec, const std::string& name) {
  if (spec["databaseName"].is_string()) return spec["databaseName"].string();
  std::string out;
  for (const char c : name) out += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
  const bool reserved =
      std::find(std::begin(kReservedNames), std::end(kReservedNames), out) != std::end(kReservedNames);
  if (reserved || out.empty() || out.front() < 'a' || out.front() > 'z') out = "db_" + out;
  std::string name_of_it = shortened(out, kDatabaseNameMax);
  std::replace(name_of_it.begin(), name_of_it.end(), '-', '_');
  return name_of_it;
}

std::string shortened(const std::string& text, size_t max) {
  if (text.size() <= max) return text;
  const std::string suffix = "-" + crypto::sha256_hex(text).substr(0, 6);
  std::string stem = text.substr(0, max - suffix.size());
  while (!stem.empty() && (stem.back() == '-' || stem.back() == '.' || stem.back() == '_')) stem.pop_back();
  return stem + suffix;
}

Result<int64_t> seconds_of(const Value& value, int64_t fallback, const std::string& path) {
  if (value.is_null()) return fallback;
  if (value.is_int()) return value.as_int();
  std::string text = value.string();
  int64_t unit = text.empty() ? 0 : unit_seconds(text.back());
  if (unit != 0) {
    text.pop_back();
  } else {
    unit = 1;
  }
  constexpr int64_t kSecondsMax = 10LL * 365 * 86400;
  const auto number = parse_int(text);
  if (!number || *number <= 0 || *number > kSecondsMax / unit)
    return fail(bad_field(path, "'" + value.string() + "' is not a duration such as 60m"));
  return *number * unit;
}

std::string fingerprint(std::string_view uid, std::string_view password, std::string_view salt) {
  std::string text = "squall password\n" + std::string(uid) + "\n" + std::string(password);
  if (!salt.empty()) text += "\n" + std::string(salt);
  return crypto::sha256_hex(text).substr(0, 16);
}

const Value& condition_of(const Value& object, std::string_view type) {
  static const Value kNone;
  const Value& conditions = object["status"]["conditions"];
  for (size_t i = 0; i < conditions.size(); ++i) {
    if (conditions[i]["type"].string_or("") == type) return conditions[i];
  }
  return kNone;
}

bool condition_is(const Value& object, std::string_view type, std::string_view status) {
  return condition_of(object, type)["status"].string_or("") == status;
}

std::string kubernetes_time(Timestamp time) { return format_timestamp(time).substr(0, 19) + "Z"; }

}  // namespace squall::runners::database
