// Inspection: everything that can be found wrong with a workflow without running it (orquesta.md section 11), with
// Orquesta's entries, words and order.
#pragma once

#include <string>
#include <vector>

#include "value/value.hpp"
#include "workflow/orquesta/model.hpp"

namespace squall::workflow::orquesta {

// Lists of entries: {message, spec_path, schema_path}; those of expressions and context have "type" ("yaql", "jinja" or
// null) and "expression", too. A path is null for the document as a whole.
struct Inspection {
  List syntax;
  List semantics;
  List expressions;
  List context;

  bool ok() const { return syntax.empty() && semantics.empty() && expressions.empty() && context.empty(); }
  // {"syntax": [...], ...}, without what is empty.
  Value to_value() const;
  // One list as StackStorm shows it: "type" is the kind of problem, "language" that of the expression; sorted.
  List flat() const;
};

// schema::set_pattern_matcher() must have been called. `given` are the variables that the host brings along: "st2",
// "parent".
Inspection inspect(const WorkflowSpec& spec, const std::vector<std::string>& given);

}  // namespace squall::workflow::orquesta
