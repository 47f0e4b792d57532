// The OpenAPI document, made from the table of routes.
#pragma once

#include <string>
#include <vector>

#include "api/router.hpp"
#include "value/value.hpp"

namespace squall::api {

// OpenAPI 3.1. What a route needs stands in `x-access`.
Value openapi_document(const std::vector<Route>& routes, const std::string& version);

// A schema of ours, where a property itself says that it is required, as JSON Schema has it today.
Value json_schema(const Value& model);

}  // namespace squall::api
