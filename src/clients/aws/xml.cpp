#include "clients/aws/xml.hpp"

#include <charconv>

#include "base/strings.hpp"

namespace squall::clients {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Names are checked loosely above ASCII: AWS uses none of those, and nothing depends on it.
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9') || c == '-' || c == '.'; }

bool is_xml_char(uint32_t c) {
  return c == 0x9 || c == 0xA || c == 0xD || (c >= 0x20 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD) ||
         (c >= 0x10000 && c <= 0x10FFFF);
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<XmlElement> document() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ += 3;
    SQ_CHECK(skip_misc(/*declaration_allowed=*/true));
    if (!take("<")) return bad("an element was expected");
    SQ_TRY(XmlElement root, element(1));
    SQ_CHECK(skip_misc(/*declaration_allowed=*/false));
    if (at_ < text_.size()) return bad("there is text after the document");
    return root;
  }

 private:
  tl::unexpected<Error> bad(const char* what) const {
    return fail(ErrorCode::kRemote, "malformed XML at byte " + std::to_string(at_) + ": " + what);
  }
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(std::string_view wanted) {
    if (!text_.substr(at_).starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }
  bool skip_blanks() {
    const size_t before = at_;
    while (!at_end() && is_blank(text_[at_])) ++at_;
    return at_ > before;
  }
  Status skip_past(std::string_view end) {
    const size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) return bad("something is not closed");
    at_ = found + end.size();
    return {};
  }

  // Blanks, comments and processing instructions around the root.
  Status skip_misc(bool declaration_allowed) {
    if (declaration_allowed && take("<?xml")) SQ_CHECK(skip_past("?>"));
    while (true) {
      skip_blanks();
      if (take("<!--")) {
        SQ_CHECK(skip_past("-->"));
      } else if (take("<?")) {
        SQ_CHECK(skip_past("?>"));
      } else {
        return {};
      }
    }
  }

  Result<std::string> name() {
    const size_t start = at_;
    if (!starts_name(peek())) return bad("a name was expected");
    while (!at_end() && continues_name(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  // After '<'.
  Result<XmlElement> element(size_t depth) {
    if (depth > kXmlDepthMax) return bad("it is nested too deep");
    XmlElement element;
    SQ_TRY(element.name, name());
    while (true) {
      const bool blank = skip_blanks();
      if (take("/>")) return element;
      if (take(">")) break;
      if (!blank) return bad("a blank was expected before an attribute");
      SQ_CHECK(attribute());
    }
    SQ_CHECK(content(element, depth));
    SQ_TRY(const std::string closed, name());
    skip_blanks();
    if (closed != element.name || !take(">")) return bad("the end tag does not match");
    if (!element.children.empty()) element.text = trim(element.text);
    return element;
  }

  Status attribute() {
    SQ_TRY(const std::string ignored_name, name());
    skip_blanks();
    if (!take("=")) return bad("'=' was expected");
    skip_blanks();
    const char quote = peek();
    if (quote != '"' && quote != '\'') return bad("a quote was expected");
    ++at_;
    std::string ignored_value;
    while (!at_end() && peek() != quote) {
      if (peek() == '<') return bad("'<' inside an attribute");
      SQ_CHECK(character(ignored_value));
    }
    return take(std::string_view(&quote, 1)) ? Status() : bad("an attribute is not closed");
  }

  // Up to and including "</".
  Status content(XmlElement& element, size_t depth) {
    while (!at_end()) {
      if (take("</")) return {};
      if (take("<!--")) {
        SQ_CHECK(skip_past("-->"));
      } else if (take("<![CDATA[")) {
        const size_t start = at_;
        SQ_CHECK(skip_past("]]>"));
        element.text += text_.substr(start, at_ - 3 - start);
      } else if (take("<?")) {
        SQ_CHECK(skip_past("?>"));
      } else if (take("<!")) {
        return bad("a declaration inside an element");
      } else if (take("<")) {
        SQ_TRY(XmlElement child, this->element(depth + 1));
        element.children.push_back(std::move(child));
      } else {
        SQ_CHECK(character(element.text));
      }
    }
    return bad("an element is not closed");
  }

  // One character or one reference.
  Status character(std::string& out) {
    const char c = text_[at_];
    if (c != '&') {
      if (static_cast<unsigned char>(c) < 0x20 && !is_blank(c)) return bad("a control character");
      out += c;
      ++at_;
      return {};
    }
    const size_t end = text_.find(';', at_);
    if (end == std::string_view::npos || end - at_ > 12) return bad("a reference is not closed");
    const std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    constexpr std::pair<std::string_view, char> kEntities[] = {
        {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
    for (const auto& [entity, character] : kEntities) {
      if (name != entity) continue;
      out += character;
      at_ = end + 1;
      return {};
    }
    if (!name.starts_with('#')) return bad("an unknown entity");
    const bool hex = name.size() > 1 && name[1] == 'x';
    const std::string_view digits = name.substr(hex ? 2 : 1);
    uint32_t code = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
    if (error != std::errc() || stop != digits.data() + digits.size() || !is_xml_char(code)) {
      return bad("a bad character reference");
    }
    append_utf8(out, code);
    at_ = end + 1;
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

const XmlElement* XmlElement::find(std::string_view child) const {
  for (const XmlElement& each : children) {
    if (each.name == child) return &each;
  }
  return nullptr;
}

std::string_view XmlElement::text_of(std::string_view child) const {
  const XmlElement* found = find(child);
  return found == nullptr ? std::string_view() : std::string_view(found->text);
}

Result<XmlElement> parse_xml(std::string_view text) {
  if (!is_valid_utf8(text)) return fail(ErrorCode::kRemote, "malformed XML: it is not UTF-8");
  return Reader(text).document();
}

}  // namespace squall::clients
