// HTML's character references.
#pragma once

#include <string>
#include <string_view>

namespace squall::expr::jinja {

// "&lt;", "&eacute;", "&#38;" and "&#x26;" as the characters they stand for; anything else stays. Named references of
// HTML 4, which need their semicolon.
std::string html_unescape(std::string_view text);

}  // namespace squall::expr::jinja
