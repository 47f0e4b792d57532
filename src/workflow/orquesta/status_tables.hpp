// What statuses.cpp reads its machines from. Not for other files.
#pragma once

#include <span>
#include <string_view>

#include "workflow/orquesta/statuses.hpp"

namespace squall::workflow::orquesta {

struct StatusRow {
  Status from;
  Status to;
  std::string_view events;  // separated by blanks
};

std::span<const StatusRow> task_rows();
std::span<const StatusRow> workflow_rows();

}  // namespace squall::workflow::orquesta
