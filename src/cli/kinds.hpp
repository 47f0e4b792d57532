// The kinds of resources that the command line lists and shows, in one table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/output.hpp"

namespace squall::cli {

struct Kind {
  const char* name;    // as it is typed: `squall rule list`
  const char* path;    // of the API, behind /v1
  const char* plural;  // for people
  std::vector<Column> columns;
  std::vector<Column> fields;
  bool changeable = false;  // has create, update, delete, and enable and disable
};

const std::vector<Kind>& kinds();
// Null when there is none of that name.
const Kind* find_kind(std::string_view name);
const Kind& kind_of(std::string_view name);
// Where the API has one of them.
std::string resource_path(const Kind& kind, const std::string& id);

}  // namespace squall::cli
