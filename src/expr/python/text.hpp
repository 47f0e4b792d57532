// Python's str on UTF-8: characters are code points, classes and case follow Unicode.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace squall::expr::py {

// Character classes of str.isspace(), \w, str.isalpha() and so on.
bool is_space(char32_t c);
bool is_word(char32_t c);  // \w: letters, digits, '_'
bool is_alpha(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_title(char32_t c);  // the four digraphs like U+01C5
bool is_digit(char32_t c);  // str.isdigit: decimals and superscripts
// The value of a decimal digit of any script, -1 for everything else.
int decimal_value(char32_t c);

bool is_ascii(std::string_view text);
std::u32string decode(std::string_view text);
std::string encode(std::u32string_view text);

// str.upper() and so on, with the characters that become several ("ß" -> "SS") and the final sigma.
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string title(std::string_view text);
std::string swap_case(std::string_view text);

// str.strip() of blanks, or of any of the characters in `chars`.
std::string_view strip(std::string_view text);
std::string_view lstrip(std::string_view text);
std::string_view rstrip(std::string_view text);
std::string_view lstrip(std::string_view text, std::u32string_view chars);
std::string_view rstrip(std::string_view text, std::u32string_view chars);

// str.split() without a separator: runs of blanks divide. `splits_max` < 0: no limit.
std::vector<std::string_view> split_blanks(std::string_view text, int64_t splits_max = -1);
// str.split(separator); the separator must not be empty.
std::vector<std::string_view> split(std::string_view text, std::string_view separator, int64_t splits_max = -1);
// str.rsplit.
std::vector<std::string_view> rsplit_blanks(std::string_view text, int64_t splits_max = -1);
std::vector<std::string_view> rsplit(std::string_view text, std::string_view separator, int64_t splits_max = -1);
// str.splitlines.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends = false);

// str.replace; an empty `from` matches between all characters. `count_max` < 0: all.
std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t count_max = -1);

// str.center, ljust, rjust. `width` in characters; the caller has checked it against the output limit.
std::string center(std::string_view text, size_t width, std::string_view fill = " ");
std::string left_justify(std::string_view text, size_t width, std::string_view fill = " ");
std::string right_justify(std::string_view text, size_t width, std::string_view fill = " ");

// Byte offset of the character with this index; the text's size when there are fewer.
size_t byte_offset(std::string_view text, size_t character);

// html.escape as markupsafe does it: & < > ' " as &amp; &lt; &gt; &#39; &#34;.
std::string html_escape(std::string_view text);

}  // namespace squall::expr::py
