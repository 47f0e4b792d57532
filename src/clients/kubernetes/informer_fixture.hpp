// One informer against FakeApiServer, with short times. For tests.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "clients/kubernetes/fake_api_server.hpp"
#include "clients/kubernetes/informer.hpp"
#include "clients/kubernetes/memory_storage.hpp"

namespace squall::kubernetes::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Log = std::vector<std::string>;

inline Value spec(int size) { return Value::dict({{"spec", Value::dict({{"size", size}})}}); }
inline std::string numbered(std::string text, int number) { return text.append(std::to_string(number)); }

// Watches databases; lists come in pages unless a test says otherwise.
class InformerTest : public ::testing::Test {
 protected:
  InformerTest() {
    options_.api_version = "squall.dev/v1alpha1";
    options_.resource = "databases";
    options_.watch_list = false;
    options_.page_size = 10;
    options_.idle_timeout = seconds(30);
    options_.relist_spread = milliseconds(20);
    options_.short_watch = milliseconds(100);
    options_.backoff = {milliseconds(50), milliseconds(200), seconds(120)};
  }
  ~InformerTest() override {
    stop();
    loop_.stop();
  }

  void start() {
    loop_.on_loop([&] {
      configuration_.server = server_.url();
      client_ = Client::make(configuration_, http_, plugin_);
      informer_ = std::make_shared<Informer>(
          loop_.loop, [this] { return Result<std::shared_ptr<Client>>(client_); }, storage_, options_,
          [this](const InformerStatus& status) { states_.emplace_back(state_name(status.state)); });
      informer_->set_wishes(announcing_, keeping_);
      informer_->start();
      return 0;
    });
  }
  // As a crash: whatever is not durable is gone.
  void stop() {
    loop_.on_loop([&] {
      if (informer_) informer_->stop();
      informer_.reset();
      return 0;
    });
  }
  InformerStatus status() {
    return loop_.on_loop([&] { return informer_->status(); });
  }
  template <typename Condition>
  [[nodiscard]] bool eventually(Condition condition, Duration limit = seconds(20)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
      if (condition()) return true;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return false;
  }
  bool is_watching() { return status().state == InformerState::kWatching && status().pending == 0; }
  // True once everything on the server is known and durable.
  [[nodiscard]] bool settled() {
    const bool done =
        eventually([&] { return is_watching() && loop_.on_loop([&] { return marks(); }) == server_marks(); });
    if (!done) {
      const InformerStatus now = status();
      ADD_FAILURE() << state_name(now.state) << " " << now.message << ", pending " << now.pending << ", at "
                    << now.resource_version << ", " << now.objects << " objects, server has " << server_marks().size();
    }
    return done;
  }
  std::set<std::string> marks() {
    std::set<std::string> result;
    for (const auto& [key, entry] : storage_.entries)
      result.insert(key + " " + entry.uid + "@" + entry.resource_version);
    return result;
  }
  std::set<std::string> server_marks() {
    std::set<std::string> result;
    for (const std::string& name : names_) {
      const Value metadata = server_.find("databases", "shop", name)["metadata"];
      if (metadata.is_null()) continue;
      result.insert("shop/" + name + " " + metadata["uid"].string() + "@" + metadata["resourceVersion"].string());
    }
    return result;
  }
  std::string put(const std::string& name, int size = 1) {
    names_.insert(name);
    return server_.put("databases", "shop", name, spec(size))["metadata"]["resourceVersion"].string();
  }
  void erase(const std::string& name) { server_.erase("databases", "shop", name); }
  size_t lists() {
    return server_.count([](const FakeApiServer::Request& request) {
      return request.is_list() && request.query_value("continue").empty();
    });
  }
  size_t streamed_lists() {
    return server_.count([](const FakeApiServer::Request& request) { return request.is_streamed_list(); });
  }
  size_t watches() {
    return server_.count([](const FakeApiServer::Request& request) { return request.is_watch(); });
  }
  Log log() const { return storage_.log(); }

  FakeApiServer server_;
  net::testing::LoopThread loop_;
  net::HttpClient http_;  // gone before the loop: what it still has under way is answered there
  MemoryStorage storage_{loop_.loop};
  Configuration configuration_;
  PluginRunner plugin_;
  std::shared_ptr<Client> client_;
  std::shared_ptr<Informer> informer_;
  InformerOptions options_;
  std::vector<std::string> states_;
  std::set<std::string> names_;
  bool announcing_ = true;
  bool keeping_ = true;
};

}  // namespace squall::kubernetes::testing
