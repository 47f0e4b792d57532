// Python's pprint.pformat(), as the filter pprint uses it.
#pragma once

#include <string>

#include "expr/jinja/runtime.hpp"

namespace squall::expr::jinja {

Result<std::string> pretty_format(Runtime& rt, const Value& value);

}  // namespace squall::expr::jinja
