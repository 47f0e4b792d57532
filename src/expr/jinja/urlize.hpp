// Jinja's urlize: links around the addresses in a text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace squall::expr::jinja {

struct UrlizeOptions {
  std::optional<size_t> trim_limit;  // characters shown of an address
  std::string rel;                   // escaped; empty: no attribute
  std::string target;                // escaped; empty: no attribute
  std::vector<std::string> extra_schemes;
};

// `text` is escaped already, and so is the result. `measured`: whether there was an address to hold against the limit.
std::string make_links(std::string_view text, const UrlizeOptions& options, bool& measured);

// "mailto:", "ftp://": what extra_schemes may hold.
bool is_uri_scheme(std::string_view text);

}  // namespace squall::expr::jinja
