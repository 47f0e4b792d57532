// Small text helpers that the standard library lacks. All work on bytes unless they say otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace squall {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
// Without ASCII blanks at both ends.
std::string_view trim(std::string_view text);
// ASCII only.
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
bool starts_with_ignore_case(std::string_view text, std::string_view prefix);
bool equals_ignore_case(std::string_view a, std::string_view b);
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

// The whole text as a decimal integer, or nothing.
std::optional<int64_t> parse_int(std::string_view text);

std::string hex_encode(std::string_view bytes);
std::string base64_encode(std::string_view bytes);
// Accepts missing padding and line breaks.
Result<std::string> base64_decode(std::string_view text);

// RFC 3986: everything except A-Z a-z 0-9 - . _ ~ (and '/' when keep_slash) becomes %XX.
std::string percent_encode(std::string_view text, bool keep_slash = false);
Result<std::string> percent_decode(std::string_view text, bool plus_is_blank = false);

// True when the bytes are valid UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_valid_utf8(std::string_view bytes);
// Number of code points of valid UTF-8.
size_t utf8_length(std::string_view text);
// Appends one code point as UTF-8.
void append_utf8(std::string& out, char32_t code_point);
// The code point at `offset`, which is moved past it. U+FFFD for a bad byte.
char32_t next_code_point(std::string_view text, size_t& offset);

// The path from the root on, without "." and "..", and without a "/" at its end. As given when the working directory is
// unknown.
std::string absolute_path(const std::string& path);

// The file's bytes; kNotFound or kIo with the path in the message.
Result<std::string> read_file(const std::string& path);
// Writes to a temporary file beside `path` and renames it over: readers see the old or the new, never a part.
Status write_file_atomically(const std::string& path, std::string_view bytes, unsigned mode = 0644);

}  // namespace squall
