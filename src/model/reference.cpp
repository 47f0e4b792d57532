#include "model/reference.hpp"

namespace squall::model {

std::optional<Reference> parse_reference(std::string_view text) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == text.size()) return std::nullopt;
  return Reference{std::string(text.substr(0, dot)), std::string(text.substr(dot + 1))};
}

std::string make_uid(std::string_view type, std::string_view pack, std::string_view name) {
  return std::string(type) + ":" + std::string(pack) + ":" + std::string(name);
}

}  // namespace squall::model
