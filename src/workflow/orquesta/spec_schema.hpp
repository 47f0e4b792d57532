// The JSON schema that Orquesta checks documents against (orquesta.md sections 1.2 and 1.3). Not for other folders.
#pragma once

#include "value/value.hpp"

namespace squall::workflow::orquesta {

const Value& workflow_schema();

// True when the document surely has no violation: a look at each member that costs a fraction of a check by the schema.
// False when it may have one.
bool surely_valid(const Value& document);

}  // namespace squall::workflow::orquesta
