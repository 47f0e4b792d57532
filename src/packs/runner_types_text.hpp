// The text that runner_types() reads. Only runner_types.cpp uses it.
#pragma once

#include <string_view>

namespace squall::packs {

// A YAML map: `parameters` holds what several runners share, `runners` the runner types.
extern const std::string_view kRunnerTypesText;

}  // namespace squall::packs
