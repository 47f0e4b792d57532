#include "clients/kubernetes/kubeconfig.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/strings.hpp"
#include "value/yaml.hpp"

namespace squall::kubernetes {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExecExtension = "client.authentication.k8s.io/exec";

// A named entry (cluster, user or context) and the file it came from.
struct Entry {
  std::string file;
  Value value;
};
using Entries = std::map<std::string, Entry, std::less<>>;

// All files of $KUBECONFIG as one.
struct MergedConfig {
  Entries clusters, users, contexts;
  std::string current_context;
  std::vector<std::string> files;
};

// Reads members of one entry. The first member of a wrong type is kept as the error of the whole.
class Reader {
 public:
  Reader(const Entry& entry, std::string what) : entry_(entry), what_(std::move(what)) {}

  std::string text(std::string_view name) {
    const Value& value = entry_.value[name];
    if (value.is_null() || value.is_string()) return value.string();
    complain(name, "must be text");
    return {};
  }

  bool flag(std::string_view name) {
    const Value& value = entry_.value[name];
    if (value.is_null() || value.is_bool()) return value.bool_or(false);
    complain(name, "must be true or false");
    return false;
  }

  // Paths are relative to the file that names them.
  std::string path(std::string_view name) {
    std::string value = text(name);
    return value.empty() ? value : resolve(value);
  }

  std::string resolve(const std::string& path) const {
    return (fs::absolute(fs::path(entry_.file)).parent_path() / path).lexically_normal().string();
  }

  std::string base64(std::string_view name) {
    const std::string encoded = text(name);
    if (encoded.empty()) return {};
    auto decoded = base64_decode(encoded);
    if (decoded) return *decoded;
    complain(name, "is not valid base64");
    return {};
  }

  std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> result;
    const Value& value = entry_.value[name];
    if (value.is_null()) return result;
    if (!value.is_list()) {
      complain(name, "must be a list of texts");
      return result;
    }
    for (const Value& item : value.as_list()) {
      if (!item.is_string()) complain(name, "must be a list of texts");
      result.push_back(item.string());
    }
    return result;
  }

  void complain(std::string_view name, std::string_view problem) {
    if (!error_) error_ = invalid(std::string(name) + " " + std::string(problem));
  }
  Error invalid(const std::string& problem) const {
    return Error(ErrorCode::kInvalid, "kubeconfig " + entry_.file + ": " + what_ + ": " + problem);
  }
  Status status() const { return error_ ? fail(*error_) : Status{}; }
  const Value& value() const { return entry_.value; }

 private:
  const Entry& entry_;
  std::string what_;
  std::optional<Error> error_;
};

Status merge_entries(const Value& document, std::string_view list, std::string_view member, const std::string& file,
                     Entries& into) {
  const Value& entries = document[list];
  if (entries.is_null()) return {};
  if (!entries.is_list()) {
    return fail(ErrorCode::kInvalid, "kubeconfig " + file + ": " + std::string(list) + " must be a list");
  }
  for (const Value& entry : entries.as_list()) {
    const std::string name = entry["name"].string();
    if (name.empty()) {
      return fail(ErrorCode::kInvalid, "kubeconfig " + file + ": an entry of " + std::string(list) + " has no name");
    }
    into.try_emplace(name, Entry{file, entry[member]});
  }
  return {};
}

Status merge_file(const std::string& file, MergedConfig& merged) {
  SQ_TRY(const std::string text, read_file(file));
  auto document = parse_yaml(text);
  if (!document) return fail(document.error().with_context("kubeconfig " + file + " is not valid YAML"));
  if (!document->is_null() && !document->is_dict()) {
    return fail(ErrorCode::kInvalid, "kubeconfig " + file + " is not a mapping");
  }
  SQ_CHECK(merge_entries(*document, "clusters", "cluster", file, merged.clusters));
  SQ_CHECK(merge_entries(*document, "users", "user", file, merged.users));
  SQ_CHECK(merge_entries(*document, "contexts", "context", file, merged.contexts));
  if (merged.current_context.empty()) merged.current_context = (*document)["current-context"].string();
  merged.files.push_back(file);
  return {};
}

std::string known_names(const Entries& entries) {
  if (entries.empty()) return "there are none";
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries) names.push_back(name);
  return "known: " + join(names, ", ");
}

Result<const Entry*> find_entry(const Entries& entries, std::string_view kind, const std::string& name,
                                const MergedConfig& merged) {
  const auto found = entries.find(name);
  if (found != entries.end()) return &found->second;
  return fail(ErrorCode::kNotFound, "kubeconfig " + join(merged.files, ":") + ": " + std::string(kind) + " '" + name +
                                        "' does not exist; " + known_names(entries));
}

// What an exec plugin is told about the cluster.
Value describe_cluster(const Value& cluster, const Configuration& configuration) {
  Value info = Value::dict({{"server", configuration.server}});
  if (!configuration.tls.server_name.empty()) info.set("tls-server-name", configuration.tls.server_name);
  if (!configuration.tls.verify) info.set("insecure-skip-tls-verify", true);
  if (!configuration.proxy_url.empty()) info.set("proxy-url", configuration.proxy_url);
  std::string ca = configuration.tls.ca_pem;
  if (ca.empty() && !configuration.tls.ca_file.empty()) ca = read_file(configuration.tls.ca_file).value_or("");
  if (!ca.empty()) info.set("certificate-authority-data", base64_encode(ca));
  const Value& extensions = cluster["extensions"];
  if (extensions.is_list()) {
    for (const Value& extension : extensions.as_list()) {
      if (extension["name"].string() == kExecExtension) info.set("config", extension["extension"]);
    }
  }
  return info;
}

Status read_cluster(const Entry& entry, const std::string& name, Configuration& out) {
  Reader reader(entry, "cluster '" + name + "'");
  out.cluster = name;
  out.server = reader.text("server");
  while (out.server.ends_with('/')) out.server.pop_back();
  out.tls.verify = !reader.flag("insecure-skip-tls-verify");
  out.tls.server_name = reader.text("tls-server-name");
  out.tls.ca_pem = reader.base64("certificate-authority-data");
  if (out.tls.ca_pem.empty()) out.tls.ca_file = reader.path("certificate-authority");
  out.proxy_url = reader.text("proxy-url");
  out.compression = !reader.flag("disable-compression");
  SQ_CHECK(reader.status());
  if (out.server.empty()) return fail(reader.invalid("has no server"));
  if (!out.server.starts_with("https://") && !out.server.starts_with("http://")) {
    return fail(reader.invalid("server '" + out.server + "' must begin with https:// or http://"));
  }
  if (!out.tls.verify && (!out.tls.ca_pem.empty() || !out.tls.ca_file.empty())) {
    return fail(reader.invalid("insecure-skip-tls-verify and a certificate authority exclude each other"));
  }
  if (!out.tls.ca_file.empty()) out.files.push_back(out.tls.ca_file);
  return {};
}

Status read_exec(Reader& user, const Entry& entry, const std::string& user_name, const Value& cluster,
                 Configuration& out) {
  const Entry exec_entry{entry.file, entry.value["exec"]};
  Reader reader(exec_entry, "exec plugin of user '" + user_name + "'");
  ExecPlugin plugin;
  plugin.command = reader.text("command");
  plugin.arguments = reader.texts("args");
  plugin.api_version = reader.text("apiVersion");
  plugin.install_hint = std::string(trim(reader.text("installHint")));
  const std::string mode = reader.text("interactiveMode");
  const bool wants_cluster = reader.flag("provideClusterInfo");
  const Value& environment = exec_entry.value["env"];
  for (size_t i = 0; environment.is_list() && i < environment.size(); ++i) {
    plugin.environment.emplace_back(environment[i]["name"].string(), environment[i]["value"].string());
  }
  SQ_CHECK(reader.status());
  if (plugin.command.empty()) return fail(reader.invalid("has no command"));
  if (plugin.api_version != "client.authentication.k8s.io/v1" &&
      plugin.api_version != "client.authentication.k8s.io/v1beta1") {
    return fail(reader.invalid("apiVersion '" + plugin.api_version +
                               "' is unknown; client.authentication.k8s.io/v1 and v1beta1 are supported"));
  }
  if (mode == "Always") return fail(reader.invalid("interactiveMode Always needs a terminal, which squall has not"));
  if (mode.empty() && plugin.api_version.ends_with("/v1")) return fail(reader.invalid("interactiveMode is missing"));
  if (!mode.empty() && mode != "Never" && mode != "IfAvailable") {
    return fail(reader.invalid("interactiveMode '" + mode + "' is none of Never, IfAvailable, Always"));
  }
  if (plugin.command.find('/') != std::string::npos) plugin.command = user.resolve(plugin.command);
  if (wants_cluster) plugin.cluster_info = describe_cluster(cluster, out);
  out.exec = std::move(plugin);
  return {};
}

Status read_impersonation(Reader& reader, Impersonation& out) {
  out.user = reader.text("as");
  out.uid = reader.text("as-uid");
  out.groups = reader.texts("as-groups");
  const Value& extra = reader.value()["as-user-extra"];
  if (extra.is_dict()) {
    for (const auto& [key, values] : extra.as_dict()) {
      std::vector<std::string> texts;
      for (size_t i = 0; i < values.size(); ++i) texts.push_back(values[i].string());
      out.extra.emplace_back(key, std::move(texts));
    }
  }
  SQ_CHECK(reader.status());
  if (out.user.empty() && (!out.uid.empty() || !out.groups.empty() || !out.extra.empty())) {
    return fail(reader.invalid("as-uid, as-groups and as-user-extra need `as`"));
  }
  return {};
}

Status read_user(const Entry& entry, const std::string& name, const Value& cluster, Configuration& out) {
  Reader reader(entry, "user '" + name + "'");
  const Value& provider = entry.value["auth-provider"];
  if (!provider.is_null()) {
    return fail(reader.invalid("auth-provider '" + provider["name"].string() +
                               "' was removed from Kubernetes clients in 1.26; use an exec plugin instead"));
  }
  out.token_file = reader.path("tokenFile");
  out.token = reader.text("token");
  out.username = reader.text("username");
  out.password = reader.text("password");
  out.tls.certificate_pem = reader.base64("client-certificate-data");
  out.tls.key_pem = reader.base64("client-key-data");
  if (out.tls.certificate_pem.empty()) out.tls.certificate_file = reader.path("client-certificate");
  if (out.tls.key_pem.empty()) out.tls.key_file = reader.path("client-key");
  SQ_CHECK(reader.status());
  const bool has_certificate = !out.tls.certificate_pem.empty() || !out.tls.certificate_file.empty();
  const bool has_key = !out.tls.key_pem.empty() || !out.tls.key_file.empty();
  if (has_certificate != has_key) {
    return fail(
        reader.invalid(has_key ? "client-key without a client certificate" : "client-certificate without a key"));
  }
  const bool has_token = !out.token.empty() || !out.token_file.empty();
  if (has_token && !out.username.empty()) {
    return fail(reader.invalid("token and username exclude each other"));
  }
  SQ_CHECK(read_impersonation(reader, out.impersonation));
  if (entry.value["exec"].is_null()) return {};
  SQ_CHECK(read_exec(reader, entry, name, cluster, out));
  if (has_token || has_certificate || !out.username.empty()) out.exec.reset();
  return {};
}

Result<Configuration> choose_context(const MergedConfig& merged, const std::string& wanted) {
  const std::string name = wanted.empty() ? merged.current_context : wanted;
  if (name.empty()) {
    return fail(ErrorCode::kInvalid, "kubeconfig " + join(merged.files, ":") +
                                         ": no context was chosen and current-context is not set; " +
                                         known_names(merged.contexts));
  }
  SQ_TRY(const Entry* context, find_entry(merged.contexts, "context", name, merged));
  Configuration out;
  out.source = context->file;
  out.context = name;
  out.files = merged.files;
  Reader reader(*context, "context '" + name + "'");
  const std::string cluster_name = reader.text("cluster");
  const std::string user_name = reader.text("user");
  const std::string default_namespace = reader.text("namespace");
  SQ_CHECK(reader.status());
  if (!default_namespace.empty()) out.default_namespace = default_namespace;
  if (cluster_name.empty()) return fail(reader.invalid("names no cluster"));
  SQ_TRY(const Entry* cluster, find_entry(merged.clusters, "cluster", cluster_name, merged));
  SQ_CHECK(read_cluster(*cluster, cluster_name, out));
  if (!user_name.empty()) {
    SQ_TRY(const Entry* user, find_entry(merged.users, "user", user_name, merged));
    SQ_CHECK(read_user(*user, user_name, cluster->value, out));
  }
  return out;
}

Result<Configuration> load_in_cluster(const std::string& host, const std::string& port, const std::string& directory) {
  Configuration out;
  out.source = out.cluster = "in-cluster";
  const bool is_ipv6 = host.find(':') != std::string::npos;
  out.server = "https://" + (is_ipv6 ? "[" + host + "]" : host) + ":" + port;
  out.token_file = directory + "/token";
  out.tls.ca_file = directory + "/ca.crt";
  if (auto token = read_file(out.token_file); !token) {
    return fail(token.error().with_context("in-cluster service account"));
  }
  if (auto space = read_file(directory + "/namespace"); space && !trim(*space).empty()) {
    out.default_namespace = std::string(trim(*space));
  }
  return out;
}

}  // namespace

std::string process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::string() : std::string(value);
}

Result<Configuration> load_configuration(const ConfigurationOptions& options) {
  const auto variable = [&](const char* name) {
    return options.environment ? options.environment(name) : process_environment(name);
  };
  std::vector<std::string> candidates;
  MergedConfig merged;
  if (!options.path.empty()) {
    if (auto status = merge_file(options.path, merged); !status) {
      return fail(status.error().code() == ErrorCode::kNotFound ? status.error().with_context("kubeconfig")
                                                                : status.error());
    }
    return choose_context(merged, options.context);
  }
  for (const std::string& file : split(variable("KUBECONFIG"), ':')) {
    if (!file.empty()) candidates.push_back(file);
  }
  if (candidates.empty() && !variable("HOME").empty()) candidates.push_back(variable("HOME") + "/.kube/config");
  for (const std::string& file : candidates) {
    auto status = merge_file(file, merged);
    if (!status && status.error().code() != ErrorCode::kNotFound) return fail(std::move(status).error());
  }
  if (!merged.files.empty() && (!merged.contexts.empty() || !options.context.empty())) {
    return choose_context(merged, options.context);
  }
  const std::string host = variable("KUBERNETES_SERVICE_HOST");
  const std::string port = variable("KUBERNETES_SERVICE_PORT");
  if (!host.empty() && !port.empty()) return load_in_cluster(host, port, options.service_account_directory);
  return fail(Error(ErrorCode::kNotFound,
                    "no Kubernetes cluster is configured: looked at " +
                        (candidates.empty() ? "no file (neither KUBECONFIG nor HOME is set)" : join(candidates, ", ")) +
                        " and for KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT")
                  .with_type(kNoCluster));
}

}  // namespace squall::kubernetes
