#include "clients/kubernetes/exec_plugin.hpp"

#include <memory>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "process/environment.hpp"
#include "process/process.hpp"
#include "value/json.hpp"

namespace squall::kubernetes {
namespace {

constexpr size_t kErrorTextShown = 500;

Error plugin_error(const ExecPlugin& plugin, ErrorCode code, const std::string& problem) {
  return Error(code, "exec plugin " + plugin.command + ": " + problem);
}

std::string last_part(std::string_view text) {
  text = trim(text);
  if (text.size() > kErrorTextShown) text.remove_prefix(text.size() - kErrorTextShown);
  return mask_secrets(text);
}

process::Environment plugin_environment(const ExecPlugin& plugin) {
  auto environment = process::inherited_environment();
  for (const auto& [name, value] : plugin.environment) environment[name] = value;
  environment["KUBERNETES_EXEC_INFO"] = exec_info(plugin);
  return environment;
}

Result<std::string> plugin_output(const ExecPlugin& plugin, process::ProcessResult result) {
  if (result.timed_out) {
    return fail(plugin_error(plugin, ErrorCode::kTimeout, "killed, because it did not end within 60 s"));
  }
  if (result.exit_code != 0) {
    std::string problem = result.exit_code > 0 ? "exit code " + std::to_string(result.exit_code)
                                               : "ended by signal " + std::to_string(-result.exit_code);
    const std::string said = last_part(result.standard_error);
    return fail(plugin_error(plugin, ErrorCode::kUnauthorized, said.empty() ? problem : problem + ": " + said));
  }
  return std::move(result.standard_output);
}

}  // namespace

std::string exec_info(const ExecPlugin& plugin) {
  Value spec = Value::dict({{"interactive", false}});
  if (!plugin.cluster_info.is_null()) spec.set("cluster", plugin.cluster_info);
  return to_json(
      Value::dict({{"apiVersion", plugin.api_version}, {"kind", "ExecCredential"}, {"spec", std::move(spec)}}));
}

Result<ExecCredential> parse_exec_credential(std::string_view output, const ExecPlugin& plugin) {
  const auto refuse = [&](const std::string& problem) {
    return fail(plugin_error(plugin, ErrorCode::kUnauthorized, problem));
  };
  const auto document = parse_json(output);
  if (!document) return refuse("did not print JSON");
  if ((*document)["kind"].string() != "ExecCredential") return refuse("did not print an ExecCredential");
  if (const std::string version = (*document)["apiVersion"].string(); version != plugin.api_version) {
    return refuse("printed apiVersion '" + version + "' instead of '" + plugin.api_version + "'");
  }
  const Value& status = (*document)["status"];
  if (!status.is_dict()) return refuse("printed no status");
  ExecCredential credential;
  credential.token = status["token"].string();
  credential.certificate_pem = status["clientCertificateData"].string();
  credential.key_pem = status["clientKeyData"].string();
  if (credential.certificate_pem.empty() != credential.key_pem.empty()) {
    return refuse("printed only one of clientCertificateData and clientKeyData");
  }
  if (credential.token.empty() && credential.certificate_pem.empty()) {
    return refuse("printed neither a token nor a client certificate");
  }
  if (const Value& expires = status["expirationTimestamp"]; !expires.is_null()) {
    credential.expires = parse_timestamp(expires.string_or(""));
    if (!credential.expires) return refuse("printed an expirationTimestamp that is no time");
  }
  return credential;
}

PluginRunner make_plugin_runner(process::ProcessHost& host) {
  return [&host](const ExecPlugin& plugin, std::function<void(Result<std::string>)> done) {
    process::ProcessSpec spec;
    spec.arguments.push_back(plugin.command);
    spec.arguments.insert(spec.arguments.end(), plugin.arguments.begin(), plugin.arguments.end());
    spec.environment = plugin_environment(plugin);
    spec.timeout = kExecPluginTimeout;
    process::ProcessHandlers handlers;
    handlers.on_exit = [plugin, done](process::ProcessResult result) {
      done(plugin_output(plugin, std::move(result)));
    };
    if (auto started = host.start(std::move(spec), std::move(handlers)); !started) {
      std::string problem = started.error().message();
      if (!plugin.install_hint.empty()) problem += "; " + plugin.install_hint;
      done(fail(plugin_error(plugin, started.error().code(), problem)));
    }
  };
}

}  // namespace squall::kubernetes
