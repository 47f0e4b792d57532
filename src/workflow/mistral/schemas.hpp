// The shape of Mistral's documents as JSON Schemas (mistral.md sections 1 and 2). What they cannot say (expressions,
// links between tasks) is checked in parse.cpp.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::workflow::mistral {

enum class Schema {
  kWorkflowFile,  // {version, NAME: {...}, ...}; a file of ad-hoc actions, too
  kWorkbook,
  kWorkflow,
  kAction,
  kDirectTask,
  kReverseTask,
  kTaskDefaults,
  kPolicies,
  kRetry,
  kOnClause,
  kPublish,
};

// Status of type "InvalidModelException" with the words of Python's jsonschema; `at` becomes the path of the value at
// fault below the checked one, e.g. "tasks.t.retry", when given.
Status check_schema(Schema schema, const Value& value, std::string* at = nullptr);

}  // namespace squall::workflow::mistral
