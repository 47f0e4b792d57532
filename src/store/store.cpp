#include "store/store.hpp"

#include <future>

namespace squall::store {

Status WriteTx::put(Collection collection, std::string_view id, const Value& document) {
  SQ_TRY(const ReadyDocument ready, make_ready(collection, id, document));
  return put(collection, id, ready);
}

Status Store::write_and_wait(WriteFunction function) {
  // Shared, because the writer thread may still be inside set_value() when this thread wakes up.
  auto promise = std::make_shared<std::promise<Status>>();
  auto future = promise->get_future();
  write(std::move(function), [promise](Status status) { promise->set_value(std::move(status)); });
  return future.get();
}

Result<Value> Store::find(Collection collection, std::string_view id) {
  Value document;
  SQ_CHECK(read([&](ReadTx& tx) -> Status {
    SQ_TRY(auto record, tx.get(collection, id));
    if (record) document = std::move(record->document);
    return {};
  }));
  return document;
}

}  // namespace squall::store
