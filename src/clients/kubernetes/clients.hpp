// KubernetesClients: the clients of a process, one per cluster and user.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "clients/kubernetes/client.hpp"

namespace squall::kubernetes {

// Makes clients on demand and keeps them, so that credentials and discovery are shared. A client whose kubeconfig files have
// changed is replaced by the next get(); who still holds the old one may go on with it. Thread-safe.
class KubernetesClients {
 public:
  struct Options {
    PluginRunner plugin_runner;  // empty: kubeconfigs with exec plugins fail with a clear message
    std::function<std::string(const std::string&)> environment;  // empty: the process's own
    std::string service_account_directory = ConfigurationOptions().service_account_directory;
  };

  // `http` and `clock` must outlive this and every client.
  KubernetesClients(net::HttpClient& http, Options options, const Clock& clock = Clock::system());

  // `kubeconfig`: a file; empty: as kubectl looks for it. `context`: empty: current-context. Errors: load_configuration().
  Result<std::shared_ptr<Client>> get(const std::string& kubeconfig, const std::string& context);

 private:
  using FileStamp = std::pair<std::filesystem::file_time_type, uintmax_t>;
  struct Entry {
    std::shared_ptr<Client> client;
    std::vector<FileStamp> stamps;  // of the configuration's files, in their order
  };
  static std::vector<FileStamp> stamps_of(const std::vector<std::string>& files);

  net::HttpClient& http_;
  const Options options_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Entry> entries_;
};

}  // namespace squall::kubernetes
