#include "api/route_doc.hpp"

namespace squall::api {

RouteDoc& RouteDoc::query(std::string name, std::string type) {
  parameters_.push_back({std::move(name), std::move(type)});
  return *this;
}

RouteDoc& RouteDoc::page() {
  return query("limit", "integer")
      .query("offset", "integer")
      .query("sort")
      .query("include_attributes")
      .query("exclude_attributes");
}

RouteDoc& RouteDoc::body(const Value& model) {
  body_ = model;
  body_type_ = "application/json";
  return *this;
}

RouteDoc& RouteDoc::body_of(std::string media_type) {
  body_type_ = std::move(media_type);
  return *this;
}

RouteDoc& RouteDoc::answers(int status, std::string media_type) {
  status_ = status;
  answer_type_ = std::move(media_type);
  return *this;
}

}  // namespace squall::api
