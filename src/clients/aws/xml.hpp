// A small, strict XML reader for the answers of AWS's query protocol.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace squall::clients {

struct XmlElement {
  std::string name;  // with its prefix, if any
  std::string text;  // all character data directly inside, trimmed when there are children
  std::vector<XmlElement> children;

  // The first child of that name, or null.
  const XmlElement* find(std::string_view child) const;
  // Text of the first child of that name, or empty.
  std::string_view text_of(std::string_view child) const;
};

inline constexpr size_t kXmlDepthMax = 64;

// Reads one document. Attributes are checked and dropped; comments, processing instructions and CDATA are understood.
// Refused: document types (and so every entity but the five of XML), bad UTF-8, anything that is not well-formed.
// The error tells the byte offset and never quotes the text.
Result<XmlElement> parse_xml(std::string_view text);

}  // namespace squall::clients
