#include "clients/kubernetes/clients.hpp"

#include <system_error>

namespace squall::kubernetes {

KubernetesClients::KubernetesClients(net::HttpClient& http, Options options, const Clock& clock)
    : http_(http), options_(std::move(options)), clock_(clock) {}

std::vector<KubernetesClients::FileStamp> KubernetesClients::stamps_of(const std::vector<std::string>& files) {
  std::vector<FileStamp> stamps;
  for (const std::string& file : files) {
    std::error_code ignored;  // a file that is gone has a stamp of its own
    stamps.emplace_back(std::filesystem::last_write_time(file, ignored), std::filesystem::file_size(file, ignored));
  }
  return stamps;
}

Result<std::shared_ptr<Client>> KubernetesClients::get(const std::string& kubeconfig, const std::string& context) {
  const std::lock_guard lock(mutex_);
  const auto key = std::make_pair(kubeconfig, context);
  if (const auto found = entries_.find(key); found != entries_.end()) {
    if (stamps_of(found->second.client->configuration().files) == found->second.stamps) return found->second.client;
    entries_.erase(found);
  }
  ConfigurationOptions options;
  options.path = kubeconfig;
  options.context = context;
  options.environment = options_.environment;
  options.service_account_directory = options_.service_account_directory;
  SQ_TRY(Configuration configuration, load_configuration(options));
  Entry entry;
  entry.stamps = stamps_of(configuration.files);
  entry.client = Client::make(std::move(configuration), http_, options_.plugin_runner, clock_);
  return entries_.emplace(key, std::move(entry)).first->second.client;
}

}  // namespace squall::kubernetes
