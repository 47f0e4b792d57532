// Python's textwrap.wrap(), as the filter wordwrap uses it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace squall::expr::jinja {

// The lines of one paragraph, each at most `width` characters (more only when a word is longer and may not be broken).
std::vector<std::string> wrap_text(std::string_view text, size_t width, bool break_long_words, bool break_on_hyphens);

}  // namespace squall::expr::jinja
