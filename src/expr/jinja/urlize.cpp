#include "expr/jinja/urlize.hpp"

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "expr/python/text.hpp"
#include "text/regex.hpp"

namespace squall::expr::jinja {

namespace {

Regex compile(const char* pattern, RegexFlags flags = {}) {
  auto regex = Regex::compile(pattern, flags);
  SQ_ASSERT(regex.has_value());
  return *std::move(regex);
}

bool matches(const Regex& regex, std::string_view text) {
  const auto match = regex.match(text);
  return match && match->has_value();
}

bool is_web_address(std::string_view text) {
  static const Regex kRegex = compile(R"(
    ^
    (
        (https?://|www\.)  # scheme or www
        (([\w%-]+\.)+)?  # subdomain
        (
            [a-z]{2,63}  # basic tld
        |
            xn--[\w%]{2,59}  # idna tld
        )
    |
        ([\w%-]{2,63}\.)+  # basic domain
        (com|net|int|edu|gov|org|info|mil)  # basic tld
    |
        (https?://)  # scheme
        (
            (([\d]{1,3})(\.[\d]{1,3}){3})  # IPv4
        |
            (\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}])  # IPv6
        )
    )
    (?::[\d]{1,5})?  # port
    (?:[/?#]\S*)?  # path, query, and fragment
    $
    )",
                                      {.ignore_case = true, .verbose = true});
  return matches(kRegex, text);
}

bool is_mail_address(std::string_view text) {
  static const Regex kRegex = compile(R"(^\S+@\w[\w.-]*\.\w+$)");
  return matches(kRegex, text);
}

// "(", "<" and the like before an address.
std::string_view leading_marks(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (text[at] == '(' || text[at] == '<') {
      ++at;
    } else if (text.substr(at).starts_with("&lt;")) {
      at += 4;
    } else {
      break;
    }
  }
  return text.substr(0, at);
}

std::string_view trailing_marks(std::string_view text) {
  size_t at = text.size();
  while (at > 0) {
    const char c = text[at - 1];
    if (c == ')' || c == '>' || c == '.' || c == ',' || c == '\n') {
      --at;
    } else if (text.substr(0, at).ends_with("&gt;")) {
      at -= 4;
    } else {
      break;
    }
  }
  return text.substr(at);
}

size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

class Linker {
 public:
  Linker(const UrlizeOptions& options, bool& measured) : options_(options), measured_(measured) {
    if (!options.rel.empty()) attributes_ += " rel=\"" + options.rel + "\"";
    if (!options.target.empty()) attributes_ += " target=\"" + options.target + "\"";
  }

  std::string link_word(std::string_view word) const {
    const std::string head(leading_marks(word));
    std::string middle(word.substr(head.size()));
    std::string tail(trailing_marks(middle));
    middle.resize(middle.size() - tail.size());
    balance(middle, tail);
    return head + link(middle) + tail;
  }

 private:
  // Closing brackets belong to the address when it has opening ones.
  static void balance(std::string& middle, std::string& tail) {
    for (const auto& [open, close] :
         {std::pair<std::string_view, std::string_view>{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}}) {
      const size_t opened = count(middle, open);
      if (opened <= count(middle, close)) continue;
      for (size_t i = std::min(opened, count(tail, close)); i > 0; --i) {
        const size_t end = tail.find(close) + close.size();
        middle += tail.substr(0, end);
        tail.erase(0, end);
      }
    }
  }

  std::string anchor(const std::string& href, const std::string& shown) const {
    return "<a href=\"" + href + "\"" + attributes_ + ">" + shown + "</a>";
  }

  std::string trimmed(const std::string& address) const {
    measured_ = true;
    if (!options_.trim_limit || utf8_length(address) <= *options_.trim_limit) return address;
    return address.substr(0, py::byte_offset(address, *options_.trim_limit)) + "...";
  }

  std::string link(const std::string& middle) const {
    if (is_web_address(middle)) {
      const bool has_scheme = middle.starts_with("https://") || middle.starts_with("http://");
      return anchor(has_scheme ? middle : "https://" + middle, trimmed(middle));
    }
    if (middle.starts_with("mailto:") && is_mail_address(middle.substr(7))) {
      return "<a href=\"" + middle + "\">" + middle.substr(7) + "</a>";
    }
    const bool may_be_mail = middle.find('@') != std::string::npos && !middle.starts_with("www.") &&
                             !middle.starts_with("@") && middle.find(':') == std::string::npos;
    if (may_be_mail && is_mail_address(middle)) return "<a href=\"mailto:" + middle + "\">" + middle + "</a>";
    std::string out = middle;
    for (const std::string& scheme : options_.extra_schemes) {
      if (out != scheme && out.starts_with(scheme)) out = anchor(out, out);
    }
    return out;
  }

  const UrlizeOptions& options_;
  bool& measured_;
  std::string attributes_;
};

}  // namespace

std::string make_links(std::string_view text, const UrlizeOptions& options, bool& measured) {
  const Linker linker(options, measured);
  std::string out;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) out += linker.link_word(word);
    word.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const bool blank = py::is_space(next_code_point(text, at));
    if (blank) flush();
    (blank ? out : word).append(text.substr(start, at - start));
  }
  flush();
  return out;
}

bool is_uri_scheme(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon < 2) return false;
  for (const char32_t c : py::decode(text.substr(0, colon))) {
    if (!py::is_word(c) && c != '.' && c != '+' && c != '-') return false;
  }
  const std::string_view slashes = text.substr(colon + 1);
  return slashes.empty() || slashes == "/" || slashes == "//";
}

}  // namespace squall::expr::jinja
