// Finds expressions in text by their delimiters, as the regular expressions of Orquesta and Mistral do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace squall::expr {

// re.findall of `open.*?close`: the shortest matches, none of them over the end of a line.
std::vector<std::string> find_delimited(std::string_view text, std::string_view open, std::string_view close);
// Without all characters of `delimiters` at both ends (not just the delimiters), then without blanks.
std::string_view without_delimiters(std::string_view expression, std::string_view delimiters);

}  // namespace squall::expr
