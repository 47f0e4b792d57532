// RDS's names and types: Values to form parameters, XML to Values.
#pragma once

#include "clients/aws/aws_query_client.hpp"
#include "value/value.hpp"

namespace squall::clients {

// {"Tags": [{"Key": "a", "Value": "b"}], "MultiAZ": true} -> Tags.Tag.1.Key=a, Tags.Tag.1.Value=b, MultiAZ=true.
// Nulls and empty lists and dicts are left out. Names are those of the API (CamelCase); unknown ones pass through, with
// `member` for the members of lists.
FormParameters rds_form(const Value& parameters);

// Elements become dicts, lists, integers, booleans and texts as the API's model has them; times stay texts.
Value rds_value(const XmlElement& element);

}  // namespace squall::clients
