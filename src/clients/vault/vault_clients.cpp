// VaultClients: who shares a login, and the thread that renews tokens.
#include <algorithm>

#include "clients/vault/vault_client.hpp"

namespace squall::clients {
namespace {

// Different addresses and logins in use. More come from configs that change; the old ones are dropped then.
constexpr size_t kIdentitiesMax = 32;

}  // namespace

struct VaultClients::Renewals {
  explicit Renewals(const Clock& used_clock) : clock(used_clock) {}

  void add(std::shared_ptr<VaultSession> session) {
    const std::lock_guard lock(mutex);
    sessions.push_back(std::move(session));
    // Whoever never uses Vault has no thread for it.
    if (!thread.joinable()) thread = std::thread([this] { run(); });
    changed.notify_all();
  }

  void forget_all() {
    const std::lock_guard lock(mutex);
    sessions.clear();
  }

  void wake() {
    const std::lock_guard lock(mutex);
    woken = true;
    changed.notify_all();
  }

  void end() {
    stopping.stop();
    {
      const std::lock_guard lock(mutex);
      stopped = true;
      changed.notify_all();
    }
    if (thread.joinable()) thread.join();
  }

  void run() {
    std::unique_lock lock(mutex);
    while (!stopped) {
      woken = false;
      std::optional<Duration> next;
      std::vector<std::shared_ptr<VaultSession>> due;
      const Duration now = clock.monotonic();
      for (const auto& session : sessions) {
        const auto when = session->renewal_due();
        if (when && *when <= now) due.push_back(session);
        if (when && (!next || *when < *next)) next = when;
      }
      if (!due.empty()) {
        lock.unlock();
        for (const auto& session : due) session->renew(stopping.token());
        lock.lock();
      } else if (next) {
        changed.wait_for(lock, *next - now, [this] { return stopped || woken; });
      } else {
        changed.wait(lock, [this] { return stopped || woken; });
      }
    }
  }

  const Clock& clock;
  StopSource stopping;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::shared_ptr<VaultSession>> sessions;
  std::thread thread;
  bool stopped = false;
  bool woken = false;
};

VaultClients::VaultClients(net::HttpClient& http, const Clock& clock, Random& random)
    : http_(http), clock_(clock), random_(random), renewals_(std::make_shared<Renewals>(clock)) {}

VaultClients::~VaultClients() { renewals_->end(); }

std::shared_ptr<VaultClient> VaultClients::get(const VaultSettings& settings) {
  const std::string identity = settings.identity();
  const std::lock_guard lock(mutex_);
  if (!clients_.contains(identity) && clients_.size() >= kIdentitiesMax) {
    clients_.clear();
    renewals_->forget_all();
  }
  auto& client = clients_[identity];
  if (client != nullptr) return client;
  // A session may outlive this, in the hands of a call: it only wakes what is still there.
  const auto session =
      std::make_shared<VaultSession>(http_, clock_, random_, settings, [renewals = std::weak_ptr(renewals_)] {
        if (const auto alive = renewals.lock()) alive->wake();
      });
  renewals_->add(session);
  client = std::make_shared<VaultClient>(session);
  return client;
}

std::shared_ptr<VaultClients> make_vault_clients(net::HttpClient& http, const Clock& clock, Random& random) {
  return std::make_shared<VaultClients>(http, clock, random);
}

}  // namespace squall::clients
