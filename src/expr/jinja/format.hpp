// Python's two ways to format text: "%s" % value, and "{}".format(value).
#pragma once

#include <string>
#include <string_view>

#include "expr/jinja/runtime.hpp"

namespace squall::expr::jinja {

// `text` % `values`; `text` may be Markup, which escapes what goes in.
Result<Value> percent_format(Runtime& rt, const Value& text, const Value& values);

// text.format(*positional, **keyword) with the sandbox's member access.
Result<std::string> str_format(Runtime& rt, std::string_view text, const List& positional, const Value& keyword);

// format(value, spec): the mini language of str.format.
Result<std::string> format_value(Runtime& rt, const Value& value, std::string_view spec);

}  // namespace squall::expr::jinja
