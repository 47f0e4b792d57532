// Text as Python sees it: which characters repr() shows, and characters that UTF-8 proper has no form for.
#pragma once

#include <cstddef>
#include <string_view>

namespace squall {

// str.isprintable() of one character, by the tables of Unicode 14.0 (Python 3.11).
bool is_printable(char32_t c);
// May the character begin, or go on in, a Python identifier?
bool is_identifier_start(char32_t c);
bool is_identifier_continue(char32_t c);

// The character at `offset`, which is moved past it. A lone surrogate in its three-byte form (as append_utf8() writes
// it) comes back as that surrogate; any other bad byte 0xNN as U+DCNN, the way Python's surrogateescape shows it.
char32_t next_python_char(std::string_view text, size_t& offset);

}  // namespace squall
