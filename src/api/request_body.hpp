// Bodies of requests, checked as StackStorm's API models check them.
#pragma once

#include <string_view>

#include "api/router.hpp"
#include "value/value.hpp"

namespace squall::api {

// A model written as YAML: the properties of an object, with StackStorm's `required: true` and `default`. A program
// error when it is no YAML.
Value model_of(std::string_view yaml_properties, bool additional_properties = false);

// Checks a value against a model and fills in its defaults. The error is the first line of what jsonschema would say,
// as StackStorm answers it.
Result<Value> check_model(const Value& body, const Value& model);

// The JSON body of a request, checked against the model.
Result<Value> checked_body(const Call& call, const Value& model);

}  // namespace squall::api
