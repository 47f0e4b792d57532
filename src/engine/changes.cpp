#include "engine/changes.hpp"

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "store/document.hpp"

namespace squall::engine {
namespace {

bool is_refusal(const Error& error) { return error.code() == ErrorCode::kInvalid || error.code() == ErrorCode::kLimit; }

}  // namespace

void Committer::make_ready(Changes& changes) {
  for (auto at = changes.writes_.begin(); at != changes.writes_.end();) {
    auto& [key, write] = *at;
    if (write.what != Changes::Write::What::kDocument) {
      ++at;
      continue;
    }
    auto ready = store::make_ready(key.first, key.second, write.ready.document);
    if (ready) {
      write = {Changes::Write::What::kReady, *std::move(ready)};
      ++at;
      continue;
    }
    ++refused_count_;
    log_error("a record could not be kept; this is a bug of squall",
              {{"collection", std::string(store::schema_of(key.first).name)},
               {"id", key.second},
               {"reason", ready.error().message()}});
    at = changes.writes_.erase(at);
  }
}

void Committer::commit(Changes changes, std::function<void(Status)> done) {
  make_ready(changes);
  SQ_CRASH_POINT("engine.commit");
  auto shared = std::make_shared<Changes>(std::move(changes));
  auto refusal =
      std::make_shared<std::optional<Error>>();  // of a function; written on the store's thread, read after it
  store_.write(
      [shared, refusal](store::WriteTx& tx) -> Status {
        refusal->reset();
        for (const auto& [key, write] : shared->writes_) {
          if (write.what == Changes::Write::What::kErase) {
            SQ_TRY([[maybe_unused]] const bool existed, tx.erase(key.first, key.second));
          } else {
            SQ_CHECK(tx.put(key.first, key.second, write.ready));
          }
        }
        for (const auto& function : shared->functions_) {
          const Status status = function(tx);
          if (status) continue;
          if (!is_refusal(status.error())) return status;
          refusal->emplace(status.error());
        }
        return {};
      },
      [this, shared, refusal, done = std::move(done)](Status status) {
        executor_.post([this, shared, refusal, done, status] {
          SQ_CRASH_POINT("engine.committed");
          if (!status) {
            on_fatal_(status.error());
            return;
          }
          for (const auto& [key, write] : shared->writes_) {
            if (observer_)
              observer_(key.first, key.second, write.ready.document, write.what == Changes::Write::What::kErase);
          }
          if (refusal->has_value()) log_error("a change of state was refused", {{"reason", (*refusal)->message()}});
          if (done) done(refusal->has_value() ? Status(fail(**refusal)) : Status());
          for (const auto& action : shared->after_) action();
        });
      });
}

}  // namespace squall::engine
