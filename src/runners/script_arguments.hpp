// How the parameters of a script action become its command line (stackstorm-features.md C-2).
#pragma once

#include <string>
#include <string_view>

#include "value/value.hpp"

namespace squall::runners {

// shlex.quote: the text as one word for a shell.
std::string shell_quote(std::string_view text);

// Named arguments as "<kwarg_op>name=value" in the order of `parameters`, then those with a `position` in the schema, all
// quoted. Named: true is a bare flag; false, null and "" are left out. Positional: booleans are 1 and 0, arrays are joined
// with commas, objects are JSON, null is an empty word.
std::string script_arguments(const Value& parameters, const Value& parameter_schema, std::string_view kwarg_op);

}  // namespace squall::runners
