#include "engine/changes.hpp"

namespace squall::engine {

void Committer::commit(Changes changes, std::function<void()> done) {
  auto shared = std::make_shared<Changes>(std::move(changes));
  store_.write(
      [shared](store::WriteTx& tx) -> Status {
        for (const auto& [key, write] : shared->writes_) {
          if (write.erase) {
            SQ_TRY([[maybe_unused]] const bool existed, tx.erase(key.first, key.second));
          } else {
            SQ_CHECK(tx.put(key.first, key.second, write.document));
          }
        }
        for (const auto& function : shared->functions_) SQ_CHECK(function(tx));
        return {};
      },
      [this, shared, done = std::move(done)](Status status) {
        executor_.post([this, shared, done, status] {
          if (!status) {
            on_fatal_(status.error());
            return;
          }
          if (done) done();
          for (const auto& action : shared->after_) action();
        });
      });
}

}  // namespace squall::engine
