#include "engine/workflow_journal.hpp"

#include <fmt/core.h>

namespace squall::engine {

using store::Collection;

void journal_event(Changes& changes, const std::string& execution, int64_t sequence, const workflow::Event& event,
                   const SecretSealer& sealer, bool secret) {
  Value row = Value::dict({{"execution", execution}, {"sequence", sequence}});
  Value shown = event.to_value();
  if (secret || (event.answers && !event.answers->empty())) {
    row.set("sealed", sealer.seal(shown));
  } else {
    row.set("event", std::move(shown));
  }
  // Ids sort as the events came.
  changes.put(Collection::kWorkflowEvents, fmt::format("{}.{:010}", execution, sequence), std::move(row));
}

void journal_definition(Changes& changes, const std::string& execution, const Value& definition) {
  // Sorts before all events.
  changes.put(Collection::kWorkflowEvents, execution + ".",
              Value::dict({{"execution", execution}, {"definition", definition}}));
}

Result<Journal> read_journal(store::Store& store, const std::string& execution, const SecretSealer& sealer) {
  store::Query query;
  query.filters = {{"id", store::Compare::kPrefix, Value(execution + ".")}};
  query.sort = {{"id", false}};
  store::Page page;
  SQ_CHECK(store.read([&](store::ReadTx& tx) -> Status {
    SQ_TRY(page, tx.list(Collection::kWorkflowEvents, query));
    return {};
  }));
  Journal journal;
  journal.events.reserve(page.records.size());
  for (const store::Record& record : page.records) {
    if (record.document.contains("definition")) {
      journal.definition = record.document["definition"];
      continue;
    }
    Value row = record.document["event"];
    if (const Value& sealed = record.document["sealed"]; sealed.is_string()) {
      SQ_TRY(row, sealer.unseal(sealed.as_string()));
    }
    SQ_TRY(workflow::Event event, workflow::Event::from_value(row));
    journal.events.push_back(std::move(event));
  }
  return journal;
}

}  // namespace squall::engine
