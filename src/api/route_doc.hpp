// What a route takes and gives, for the OpenAPI document. Stands where the route is added, beside what reads it.
#pragma once

#include <string>
#include <vector>

#include "value/value.hpp"

namespace squall::api {

class RouteDoc {
 public:
  struct Parameter {
    std::string name, type;  // "string", "integer" or "boolean"
  };

  // A summary alone: no parameters, no body, 200 with JSON.
  RouteDoc(std::string summary) : summary_(std::move(summary)) {}  // NOLINT: most routes need no more
  RouteDoc(const char* summary) : summary_(summary) {}             // NOLINT

  // A parameter of the query.
  RouteDoc& query(std::string name, std::string type = "string");
  // What every list takes: limit, offset, sort, include_attributes, exclude_attributes.
  RouteDoc& page();
  // A parameter for each filter of a list.
  template <typename Filters>
  RouteDoc& filters(const Filters& list) {
    for (const auto& filter : list) query(std::string(filter.parameter));
    return *this;
  }
  // A JSON body that fits a model (request_body.hpp).
  RouteDoc& body(const Value& model);
  // A body of another kind.
  RouteDoc& body_of(std::string media_type);
  RouteDoc& answers(int status, std::string media_type = "application/json");

  const std::string& summary() const { return summary_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const Value& body_model() const { return body_; }
  const std::string& body_type() const { return body_type_; }
  int status() const { return status_; }
  const std::string& answer_type() const { return answer_type_; }

 private:
  std::string summary_;
  std::vector<Parameter> parameters_;
  Value body_;
  std::string body_type_;  // empty: takes none
  int status_ = 200;
  std::string answer_type_ = "application/json";
};

}  // namespace squall::api
